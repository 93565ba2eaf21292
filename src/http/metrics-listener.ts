/** A listener of its own for `GET /metrics`, for networks that clients do not reach. */
import { createServer } from 'node:http';
import fastify from 'fastify';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { requestIdOf } from '../gateway/request-id.ts';
import type { Events } from '../telemetry/events.ts';
import { type MetricsService, registerMetrics } from './metrics.ts';
import { errorAnswerer } from './route-errors.ts';
import { unreadableRefuser } from './unreadable.ts';
import { urlOf } from './url-of.ts';

/** Scrapers, and whoever looks by hand. */
const mostConnections = 64;
const headersTimeout = 5_000;
const requestTimeout = 10_000;

export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

interface ListenerParts {
  readonly metrics: MetricsService;
  readonly events: Events;
  readonly clock: Clock;
}

/** A listener with this route and no other. */
export async function listenForMetrics(
  address: { readonly host: string; readonly port: number },
  { metrics, events, clock }: ListenerParts,
): Promise<MetricsListener> {
  const answerError = errorAnswerer(events);
  const app = fastify({
    genReqId: requestIdOf,
    forceCloseConnections: true,
    serverFactory: handler =>
      createServer({ headersTimeout, requestTimeout, connectionsCheckingInterval: 1_000 }, handler),
    clientErrorHandler: unreadableRefuser({ clock, events, gatewayName: null }),
    frameworkErrors: answerError,
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(nothingElse);
  // Else its body would be read first.
  app.addHook('onRequest', async request => {
    if (request.is404) nothingElse();
  });
  registerMetrics(app, metrics);
  app.server.maxConnections = mostConnections;
  await app.listen(address);
  app.server.on('error', error => events.error('A connection could not be accepted', error));
  return { url: urlOf(app.server), close: () => app.close() };
}

function nothingElse(): never {
  throw errors.notFound('This port has GET /metrics and nothing else.');
}
