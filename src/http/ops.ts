import type { FastifyInstance } from 'fastify';
import { pathOf } from '../gateway/operations.ts';
import { type MetricsService, registerMetrics } from './metrics.ts';

export interface Health {
  /** `degraded`: requests are served, perhaps from memory, but a function that needs the database is not available. */
  readonly status: 'starting' | 'ready' | 'degraded' | 'stopping';
  /** The faults: sentences without full stops and without secrets. */
  readonly reasons: readonly string[];
}

export interface OpsServices {
  readonly health: () => Health;
  /** Null: a listener of its own has them. */
  readonly metrics: MetricsService | null;
}

const probes = new Set(['/healthz', '/health', '/readyz', '/metrics']);

/** Whether the URL is a monitoring probe, which must be answered under any load. */
export const isProbe = (url: string): boolean => probes.has(pathOf(url));

/** Open to every client that reaches the port, but for metrics that have a key: the routes reveal no tenants, keys or requests. */
export function registerOps(app: FastifyInstance, { health, metrics }: OpsServices): void {
  for (const path of ['/healthz', '/health']) {
    app.get(path, (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  }
  app.get('/readyz', (_request, reply) => {
    const { status, reasons } = health();
    return reply
      .code(status === 'ready' || status === 'degraded' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(reasons.length === 0 ? { status } : { status, reasons });
  });
  if (metrics !== null) registerMetrics(app, metrics);
}
