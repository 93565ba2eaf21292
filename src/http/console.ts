/** The admin console's files: one page for every address under /console, and its assets. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { errors } from '../domain/errors.ts';
import type { Events } from '../telemetry/events.ts';
import { readAssets, variantFor } from './console-assets.ts';

const built = join(import.meta.dirname, '../../ui/dist');
const notBuilt =
  'The console is not built here: npm ci builds it, and npm ci --omit=dev does not. ' +
  'Run "npm ci && npm prune --omit=dev" in the folder of the gateway, and start it again';

/** The addresses of the page and its assets, which the API's document omits. */
export const isConsoleUrl = (url: string): boolean => url === '/' || url === '/console' || url.startsWith('/console/');

export function registerConsole(app: FastifyInstance, events: Pick<Events, 'warn'>, folder = built): void {
  const page = readPage(folder);
  if (page === null) events.warn(`${notBuilt}; or set [console] enabled = false`);
  const toPage = (_request: unknown, reply: FastifyReply) =>
    reply.headers(guards).header('cache-control', 'no-store').redirect('/console/');
  app.get('/', toPage);
  app.get('/console', toPage);
  app.get('/console/*', (_request, reply) => (page === null ? sendNotBuilt(reply) : sendPage(reply, page)));
  if (page === null) return;
  const assets = readAssets(join(folder, 'assets'));
  app.get<{ Params: { '*': string } }>('/console/assets/*', ({ headers, params }, reply) => {
    const asset = assets.get(params['*']);
    const variant = asset && variantFor(asset, String(headers['accept-encoding'] ?? ''));
    if (!asset || !variant) throw errors.notFound('There is no such asset of the console.');
    reply.headers({ ...guards, vary: 'accept-encoding', etag: variant.etag });
    // Asset names change with their content.
    reply.header('cache-control', 'public, max-age=31536000, immutable');
    if (headers['if-none-match'] === variant.etag) return reply.code(304).send();
    if (variant.encoding !== null) reply.header('content-encoding', variant.encoding);
    return reply.type(asset.type).send(variant.bytes);
  });
}

function readPage(folder: string): string | null {
  try {
    return readFileSync(join(folder, 'index.html'), 'utf8');
  } catch {
    return null;
  }
}

/** Prevents content sniffing, framing by other pages and referrers. */
const guards = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const sendNotBuilt = (reply: FastifyReply): FastifyReply =>
  reply
    .code(404)
    .headers(guards)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${notBuilt}.\nAll but the console works without it.\n`);

/** A nonce drawn for each page admits the styles that the component library creates while it runs. */
function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const nonce = randomBytes(16).toString('base64');
  return reply
    .headers(guards)
    .header('cache-control', 'no-store')
    .header('content-security-policy', policy(nonce))
    .type('text/html; charset=utf-8')
    .send(page.replaceAll('%NONCE%', nonce));
}

const policy = (nonce: string): string =>
  [
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
