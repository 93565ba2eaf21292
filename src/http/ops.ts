import type { FastifyInstance } from 'fastify';
import { pathOf } from '../gateway/operations.ts';

/** `degraded`: requests are served from memory, because the database is away or lacks tables. */
export type Health = 'starting' | 'ready' | 'degraded' | 'stopping';

export interface OpsServices {
  readonly health: () => Health;
  readonly metrics: { readonly contentType: string; render(): string | Promise<string> };
}

const probes = new Set(['/healthz', '/health', '/readyz', '/metrics']);

/** What is asked by whoever watches over the gateway, and is to be answered however much it has to do. */
export const isProbe = (url: string): boolean => probes.has(pathOf(url));

/** Open to everybody who reaches the port: they tell nothing of tenants, keys or requests. */
export function registerOps(app: FastifyInstance, { health, metrics }: OpsServices): void {
  for (const path of ['/healthz', '/health']) {
    app.get(path, (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  }
  app.get('/readyz', (_request, reply) => {
    const status = health();
    return reply
      .code(status === 'ready' || status === 'degraded' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
}
