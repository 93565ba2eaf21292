import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CorsOrigins } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import { asGatewayError, ClientLeft, type GatewayError } from '../domain/errors.ts';
import { type RequestTrace, untraced } from '../domain/request-trace.ts';
import { Exchange } from '../gateway/exchange.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { findOperation, type Operation, routeOf } from '../gateway/operations.ts';
import type { Events } from '../telemetry/events.ts';
import type { Tracing } from '../telemetry/tracing/tracing.ts';
import { corsHeaders } from './door/cors.ts';
import { errorAnswer } from './errors.ts';

interface ModelRouteParts {
  readonly gateway: Gateway;
  readonly events: Events;
  readonly clock: Clock;
  readonly gatewayName: string | null;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Null: no page of a browser is told that it may read an answer. */
  readonly corsOrigins: CorsOrigins | null;
}

/**
 * Model routes are answered on node:http itself, past Fastify, which would cost a third of the
 * CPU of a proxied request. Answers false for every other route. Where there is a refusal, it is the answer.
 */
export function modelRoutes(parts: ModelRouteParts) {
  return (req: IncomingMessage, res: ServerResponse, refusal: GatewayError | null): boolean => {
    const operation = findOperation(req.method, req.url ?? '', req.headers);
    if (!operation) return false;
    const { tracing, gatewayName, corsOrigins } = parts;
    const startedAt = parts.clock.now();
    const trace = tracing === null ? untraced : begin(tracing, req, operation, startedAt);
    const cors = corsOrigins === null ? null : corsHeaders(corsOrigins, req);
    const exchange = new Exchange(req, res, operation, { startedAt, gatewayName, trace, cors });
    void serve(parts, exchange, refusal);
    return true;
  };
}

async function serve(
  { gateway, events, clock }: ModelRouteParts,
  exchange: Exchange,
  refusal: GatewayError | null,
): Promise<void> {
  try {
    if (refusal !== null) throw refusal;
    await gateway.handle(exchange);
  } catch (error) {
    exchange.failed(error);
    answerError(exchange, error);
    if (!exchange.req.complete) endUpload(exchange.req, clock);
  }
  tell(events, exchange);
  const outcome = exchange.outcome(clock.now());
  exchange.trace.ended(outcome);
  events.requestEnded(outcome);
}

function begin(tracing: Tracing, req: IncomingMessage, operation: Operation, startedAt: number): RequestTrace {
  const { method = '', url = '', headers } = req;
  const { dialect, asks } = operation;
  return tracing.begin({ startedAt, method, route: routeOf(operation, url), dialect, operation: asks, headers });
}

/** Logs the reason of a failure, which the client is not told. */
function tell(events: Events, { requestId, providerName, fault }: Exchange): void {
  if (fault === null || fault instanceof ClientLeft) return;
  const { code, cause, message } = asGatewayError(fault);
  if (code === 'internal') events.error(`Request ${requestId} failed`, fault);
  if (code === 'upstream_failed')
    events.warn(`Provider ${providerName} failed: ${cause instanceof Error ? cause.message : message}`);
}

/** How long a client that was refused during its body may keep sending before it reads the answer. */
const lingerMs = 5_000;

/** Closed while the client still sends, the connection would be reset and the answer lost with it. */
function endUpload(req: IncomingMessage, clock: Clock): void {
  const cancel = clock.after(lingerMs, () => req.destroy());
  req.once('end', cancel).once('close', cancel);
  req.resume();
}

function answerError({ sink, operation, requestId }: Exchange, error: unknown): void {
  if (sink.isClosed || error instanceof ClientLeft) return;
  if (sink.status !== null) {
    sink.breakOff();
    return;
  }
  const { status, headers, body } = errorAnswer(operation.dialect, error, requestId);
  // Who wanted to change the protocol may go on as if it were changed.
  if (operation.answers === 'nobody') headers.connection = 'close';
  sink.answer(status, headers, body);
}
