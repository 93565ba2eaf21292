/** The admin console's files: one page for every address under /console, and its assets. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';

const built = join(import.meta.dirname, '../../ui/dist');
const notBuilt = 'The console is not built here: npm ci builds it, where the development dependencies are installed.\n';

export function registerConsole(app: FastifyInstance, folder = built): void {
  const page = readPage(folder);
  const showPage = (_request: unknown, reply: FastifyReply) =>
    page === null ? reply.code(404).type('text/plain').send(notBuilt) : sendPage(reply, page);
  app.get('/', (_request, reply) => reply.redirect('/console/'));
  app.get('/console', (_request, reply) => reply.redirect('/console/'));
  app.get('/console/*', showPage);
  if (page === null) return;
  void app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/console/assets/',
    preCompressed: true,
    // Their names change with their content.
    immutable: true,
    maxAge: '365d',
    index: false,
    setHeaders: reply => reply.header('x-content-type-options', 'nosniff'),
  });
}

function readPage(folder: string): string | null {
  try {
    return readFileSync(join(folder, 'index.html'), 'utf8');
  } catch {
    return null;
  }
}

/** Styles that the component library makes while it runs are let in by a number that is drawn for each page. */
function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', policy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .send(page.replace('%NONCE%', nonce));
}
