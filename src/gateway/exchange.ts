import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, ClientLeft, GatewayError } from '../domain/errors.ts';
import type { Attempt, Outcome, OutcomeKind } from '../domain/outcome.ts';
import type { RequestTrace } from '../domain/request-trace.ts';
import type { Classification, Identity } from '../domain/vocabulary.ts';
import type { Forwarded, Provider } from '../upstreams/upstreams.ts';
import { ClientSink } from './client-sink.ts';
import { type Operation, pathOf } from './operations.ts';
import { gatewayNameHeader, requestIdHeader, requestIdOf } from './request-id.ts';
import type { Walk } from './route/walk.ts';

interface ExchangeParts {
  readonly startedAt: number;
  /** Null: the answer does not tell it. */
  readonly gatewayName: string | null;
  readonly trace: RequestTrace;
  /** For pages of browsers; null: nothing is said to them. */
  readonly cors: Readonly<Record<string, string>> | null;
}

/** One request and its answer, and the facts collected on the way; ends as an outcome. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly sink: ClientSink;
  readonly operation: Operation;
  readonly requestId: string;
  readonly trace: RequestTrace;
  readonly #startedAt: number;
  readonly #gatewayName: string | null;
  // In the order in which the path comes to them.
  #identity: Identity | null = null;
  #classification: Classification | null = null;
  #model: string | null = null;
  #walk: Walk | null = null;
  /** The one that is asked without a seat. */
  #asked: Pick<Provider, 'name' | 'pool'> | null = null;
  #forwarded: Forwarded | null = null;
  #thrown: unknown = null;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    operation: Operation,
    { startedAt, gatewayName, trace, cors }: ExchangeParts,
  ) {
    this.req = req;
    this.sink = new ClientSink(res, this, cors);
    this.operation = operation;
    this.#startedAt = startedAt;
    this.#gatewayName = gatewayName;
    this.trace = trace;
    this.requestId = requestIdOf(req);
  }

  identified(identity: Identity): void {
    this.#identity = identity;
    this.trace.identified(identity);
  }

  classified(classification: Classification): void {
    this.#classification = classification;
  }

  asksFor(model: string): void {
    this.#model = model;
  }

  goes(walk: Walk): void {
    this.#walk = walk;
  }

  asks(provider: Pick<Provider, 'name' | 'pool'>): void {
    this.#asked = provider;
  }

  ended(forwarded: Forwarded): void {
    this.#forwarded = forwarded;
    this.trace.forwarded(forwarded.model ?? null);
  }

  failed(error: unknown): void {
    this.#thrown = error;
  }

  /** The error that was thrown, or that the upstream reported; null without one. */
  get fault(): unknown {
    return this.#thrown ?? this.#forwarded?.fault ?? null;
  }

  get providerName(): string | null {
    return this.#provider?.name ?? null;
  }

  get #provider(): Pick<Provider, 'name' | 'pool'> | null {
    return this.#walk?.stop.target.provider ?? this.#asked;
  }

  ownHeaders(): Record<string, string> {
    const headers: Record<string, string> = { [requestIdHeader(this.operation.dialect)]: this.requestId };
    if (this.#gatewayName !== null) headers[gatewayNameHeader] = this.#gatewayName;
    if (this.#classification) headers['x-tokligence-priority'] = String(this.#classification.level);
    if (this.#walk !== null) tellWalk(headers, this.#walk);
    return headers;
  }

  outcome(now: number): Outcome {
    const { req } = this;
    const asked = req.headers['x-priority'];
    const classification = this.#classification;
    return {
      requestId: this.requestId,
      outcome: this.#kind(),
      status: this.sink.status,
      method: req.method ?? '',
      path: pathOf(req.url ?? ''),
      keyId: this.#identity?.keyId ?? null,
      flowId: classification?.flowId ?? null,
      mappingId: classification?.mappingId ?? null,
      asked: asked === undefined ? null : String(asked).slice(0, 16),
      level: classification?.level ?? null,
      source: classification?.source ?? null,
      isRaised: classification?.isRaised ?? false,
      model: this.#model,
      provider: this.providerName,
      pool: this.#provider?.pool ?? null,
      isGranted: this.#walk?.isGranted ?? false,
      waitMs: this.#walk?.waitMs ?? null,
      durationMs: now - this.#startedAt,
      usage: this.#forwarded?.usage ?? null,
      upstreamRequestId: this.#forwarded?.upstreamRequestId ?? null,
      upstreamFault: upstreamFaultOf(this.fault),
      attempts: this.#walk?.attempts ?? noAttempts,
      spilledFrom: this.#walk?.spilledFrom ?? null,
      trace: this.trace.ids(),
    };
  }

  #kind(): OutcomeKind {
    if (this.#thrown === null) return this.#forwarded?.outcome ?? 'served';
    return this.#thrown instanceof ClientLeft ? 'client_left' : asGatewayError(this.#thrown).code;
  }
}

const noAttempts: readonly Attempt[] = [];

function tellWalk(headers: Record<string, string>, { wasQueued, waitMs, position, attempts }: Walk): void {
  if (wasQueued) {
    headers['x-tokligence-wait-time-ms'] = String(Math.round(waitMs));
    headers['x-tokligence-queue-position'] = String(position);
  }
  const last = attempts.at(-1);
  if (last === undefined) return;
  headers['x-tokligence-provider'] = last.provider;
  headers['x-tokligence-attempts'] = String(attempts.length);
}

const upstreamFaultOf = (fault: unknown): string | null =>
  fault instanceof GatewayError && fault.code === 'upstream_failed' ? fault.message : null;
