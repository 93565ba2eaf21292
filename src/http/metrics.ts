/** `GET /metrics`: open to everybody, or for those who have a key. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { errors } from '../domain/errors.ts';
import { requiredKey } from './door/auth.ts';

export interface MetricsService {
  readonly contentType: string;
  render(): string | Promise<string>;
  /** Has to be presented as a bearer; null: the route is open. */
  readonly key: string | null;
}

export function registerMetrics(app: FastifyInstance, metrics: MetricsService): void {
  const isKey = metrics.key === null ? null : sameAs(metrics.key);
  app.get('/metrics', async (request, reply) => {
    if (isKey !== null && !isKey(requiredKey(request.headers))) {
      throw errors.invalidApiKey('/metrics needs the key of [telemetry] metrics_key, which this is not.');
    }
    return reply.type(metrics.contentType).send(await metrics.render());
  });
}

/** Takes as long for any text, so that its time tells nothing of the key. */
function sameAs(key: string): (presented: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(key);
  return presented => timingSafeEqual(digest(presented), expected);
}
