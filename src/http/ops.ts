import type { FastifyInstance } from 'fastify';

/**
 * `starting`: nothing can be served yet. `degraded`: served from memory, since the database is
 * away; `detail` says what an operator should know.
 */
export interface Health {
  readonly status: 'starting' | 'ready' | 'degraded';
  readonly detail?: string;
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
    const now = health();
    return reply
      .code(now.status === 'starting' ? 503 : 200)
      .header('cache-control', 'no-store')
      .send(now);
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
}
