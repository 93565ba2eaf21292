import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, ClientLeft, GatewayError } from '../domain/errors.ts';
import type { Outcome, OutcomeKind } from '../domain/outcome.ts';
import type { MeteredUsage } from '../domain/usage.ts';
import type { Classification, Identity } from '../domain/vocabulary.ts';
import type { Forwarded } from '../upstreams/upstreams.ts';
import { type Operation, pathOf } from './operations.ts';
import { requestIdHeader, requestIdOf } from './request-id.ts';
import { turnOf } from './sent-ahead.ts';

/** One request and its answer, and the facts collected on the way; ends as an outcome. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly operation: Operation;
  readonly requestId: string;
  identity: Identity | null = null;
  classification: Classification | null = null;
  model: string | null = null;
  provider: string | null = null;
  pool: string | null = null;
  ticket: { readonly wasQueued: boolean; readonly waitMs: number; readonly position: number } | null = null;
  isGranted = false;
  usage: MeteredUsage | null = null;
  upstreamRequestId: string | null = null;
  /** The thrown fault, for the log. */
  fault: unknown = null;
  #kind: OutcomeKind = 'served';
  readonly #startedAt: number;

  constructor(req: IncomingMessage, res: ServerResponse, operation: Operation, startedAt: number) {
    this.req = req;
    this.res = res;
    this.operation = operation;
    this.#startedAt = startedAt;
    this.requestId = requestIdOf(req);
  }

  /** Null if the answer may be written now; else resolves when it may. */
  turn(): Promise<void> | null {
    return turnOf(this.res);
  }

  /** The headers that the gateway adds to any answer of this request. */
  answerHeaders(): Record<string, string> {
    const headers: Record<string, string> = {
      [requestIdHeader(this.operation.dialect)]: this.requestId,
    };
    if (this.classification) headers['x-tokligence-priority'] = String(this.classification.level);
    if (this.ticket?.wasQueued) {
      headers['x-tokligence-wait-time-ms'] = String(Math.round(this.ticket.waitMs));
      headers['x-tokligence-queue-position'] = String(this.ticket.position);
    }
    return headers;
  }

  ended({ outcome, usage, fault, upstreamRequestId }: Forwarded): void {
    this.#kind = outcome;
    this.usage = usage;
    this.upstreamRequestId = upstreamRequestId;
    this.fault = fault;
  }

  failed(error: unknown): void {
    this.fault = error;
    this.#kind = error instanceof ClientLeft ? 'client_left' : asGatewayError(error).code;
  }

  outcome(now: number): Outcome {
    const asked = this.req.headers['x-priority'];
    return {
      requestId: this.requestId,
      outcome: this.#kind,
      status: this.res.headersSent ? this.res.statusCode : null,
      method: this.req.method ?? '',
      path: pathOf(this.req.url ?? ''),
      keyId: this.identity?.keyId ?? null,
      flowId: this.classification?.flowId ?? null,
      mappingId: this.classification?.mappingId ?? null,
      asked: asked === undefined ? null : String(asked).slice(0, 16),
      level: this.classification?.level ?? null,
      source: this.classification?.source ?? null,
      isRaised: this.classification?.isRaised ?? false,
      model: this.model,
      provider: this.provider,
      pool: this.pool,
      isGranted: this.isGranted,
      waitMs: this.ticket?.waitMs ?? null,
      durationMs: now - this.#startedAt,
      usage: this.usage,
      upstreamRequestId: this.upstreamRequestId,
      upstreamFault: upstreamFaultOf(this.fault),
    };
  }
}

const upstreamFaultOf = (fault: unknown): string | null =>
  fault instanceof GatewayError && fault.code === 'upstream_failed' ? fault.message : null;
