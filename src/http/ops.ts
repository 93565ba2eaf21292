import type { FastifyInstance } from 'fastify';

export interface Health {
  /** Requests can be served. */
  readonly ready: boolean;
  /** They are served from memory, because the database is away. */
  readonly degraded: boolean;
}

export interface OpsServices {
  readonly health: () => Health;
  readonly metrics: { readonly contentType: string; render(): string | Promise<string> };
}

/** Open to everybody who reaches the port: they tell nothing of tenants, keys or requests. */
export function registerOps(app: FastifyInstance, { health, metrics }: OpsServices): void {
  for (const path of ['/healthz', '/health']) {
    app.get(path, (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  }
  app.get('/readyz', (_request, reply) => {
    const { ready, degraded } = health();
    const status = !ready ? 'starting' : degraded ? 'degraded' : 'ready';
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
}
