/** The spans of a request: one for all of it, and one for each part of its time. */
import { type Attributes, type AttributeValue, SpanKind, type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { IdGenerator, ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Outcome } from '../../domain/outcome.ts';
import { shownText } from '../text.ts';
import { conventional, own } from './names.ts';
import type { Attempt, Recording, Wait } from './traced-request.ts';

export interface Server {
  readonly address: string;
  readonly port: number;
}

export interface SpanSource {
  readonly ids: IdGenerator;
  readonly resource: Resource;
  readonly scope: ReadableSpan['instrumentationScope'];
  /** Where each provider is, by its name. */
  readonly servers: ReadonlyMap<string, Server>;
}

type Context = ReturnType<ReadableSpan['spanContext']>;

interface Described {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: Context;
  readonly parent: Context | null;
  readonly links?: ReadableSpan['links'];
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly status: SpanStatus;
}

/** All of them, the request's own first. */
export function spansOf(recording: Recording, source: SpanSource): ReadableSpan[] {
  const { authentication, waits, attempts } = recording;
  const parts = [
    requestSpan(recording),
    ...(authentication === null ? [] : [authenticationSpan(recording, authentication, source)]),
    ...waits.map(wait => waitSpan(recording, wait, source)),
    ...attempts.map(attempt => attemptSpan(recording, attempt, source)),
  ];
  return parts.map(part => toSpan(part, recording.epochMs, source));
}

function requestSpan({ arrival, place, endedAt, outcome }: Recording): Described {
  const { method, route, startedAt } = arrival;
  return {
    name: `${method} ${route}`,
    kind: SpanKind.SERVER,
    context: place.context,
    parent: place.parent,
    links: place.links,
    startedAt,
    endedAt,
    attributes: withoutNulls({
      ...ofRequest(outcome),
      ...ofModel(arrival, outcome),
      [conventional.method]: method,
      [conventional.route]: route,
      [conventional.path]: text(outcome.path, longestPath),
      [conventional.scheme]: 'http',
      [conventional.status]: outcome.status,
      [conventional.errorType]: outcome.outcome === 'served' ? null : outcome.outcome,
    }),
    // Where the client's own request is refused, it is the client that is at fault.
    status: isRefusal(outcome) ? unset : statusOf(outcome.outcome),
  };
}

function authenticationSpan(
  recording: Recording,
  { startedAt, endedAt }: NonNullable<Recording['authentication']>,
  source: SpanSource,
): Described {
  const { outcome } = recording.outcome;
  const attributes =
    endedAt === null ? { [conventional.errorType]: outcome } : { [own.keyId]: recording.outcome.keyId };
  return {
    ...child(recording, source, 'authenticate'),
    startedAt,
    endedAt: endedAt ?? recording.endedAt,
    attributes: withoutNulls(attributes),
    status: endedAt === null ? statusOf(outcome) : unset,
  };
}

function waitSpan(recording: Recording, { startedAt, endedAt, place, isMoved }: Wait, source: SpanSource): Described {
  const { outcome, level, flowId, pool } = recording.outcome;
  const unseated = outcome === 'client_left' ? 'left' : 'refused';
  const reason = isMoved ? 'moved' : endedAt !== null ? 'seated' : unseated;
  const isFault = reason === unseated;
  return {
    ...child(recording, source, 'wait'),
    startedAt,
    endedAt: endedAt ?? recording.endedAt,
    attributes: withoutNulls({
      [own.level]: level,
      [own.tenant]: text(flowId),
      [own.pool]: pool,
      [own.position]: place.position,
      [own.reason]: reason,
      [conventional.errorType]: isFault ? outcome : null,
    }),
    status: isFault ? statusOf(outcome) : unset,
  };
}

function attemptSpan(recording: Recording, attempt: Attempt, source: SpanSource): Described {
  const { arrival, outcome, place } = recording;
  const { startedAt, answeredAt, firstByteAt, status, number } = attempt;
  const { provider = outcome.provider, endpoint = null, failure = null } = outcome.attempts[number - 1] ?? {};
  const server = source.servers.get(provider ?? '');
  const error = errorOf(attempt, failure, outcome);
  return {
    name: 'upstream',
    kind: SpanKind.CLIENT,
    context: attempt.context,
    parent: place.context,
    startedAt,
    endedAt: attempt.endedAt ?? recording.endedAt,
    attributes: withoutNulls({
      ...(attempt.isPutBack ? { [conventional.requestModel]: text(outcome.model) } : ofModel(arrival, outcome)),
      [conventional.responseModel]: text(attempt.model),
      [conventional.timeToFirstChunk]: secondsBetween(startedAt, firstByteAt),
      [own.timeToFirstByte]: secondsBetween(startedAt, answeredAt),
      [conventional.method]: arrival.method,
      [conventional.status]: status,
      [conventional.resendCount]: number === 1 ? null : number - 1,
      [conventional.serverAddress]: server?.address ?? null,
      [conventional.serverPort]: server?.port ?? null,
      [conventional.errorType]: error,
      [own.provider]: provider,
      [own.endpoint]: endpoint,
      [own.attempt]: number,
      [own.reason]: attempt.isPutBack ? 'put_back' : null,
      [own.upstreamRequestId]: attempt.isPutBack ? null : text(outcome.upstreamRequestId),
    }),
    status: error === null ? unset : statusOf(error),
  };
}

/** Null: it went well. */
const errorOf = ({ status, isPutBack }: Attempt, failure: string | null, { outcome }: Outcome): string | null => {
  if (status !== null && status >= 400) return String(status);
  if (isPutBack && failure !== null) return failure;
  return isPutBack || outcome === 'served' ? null : outcome;
};

const ofRequest = (outcome: Outcome): Nullable => ({
  [own.requestId]: text(outcome.requestId),
  [own.outcome]: outcome.outcome,
  [own.keyId]: outcome.keyId,
  [own.mappingId]: outcome.mappingId,
  [own.tenant]: text(outcome.flowId),
  [own.level]: outcome.level,
  [own.levelSource]: outcome.source,
  [own.provider]: outcome.provider,
  [own.pool]: outcome.pool,
});

const ofModel = ({ operation, dialect }: Recording['arrival'], { model, usage }: Outcome): Nullable => ({
  [conventional.operation]: operation,
  [conventional.genAiProvider]: operation === null ? null : dialect,
  [conventional.requestModel]: text(model),
  [conventional.inputTokens]: usage?.inputTokens ?? null,
  [conventional.cachedInputTokens]: usage?.cachedInputTokens || null,
  [conventional.outputTokens]: usage?.outputTokens ?? null,
  [own.isUsageEstimated]: usage?.isEstimated ? true : null,
});

const child = ({ place }: Recording, { ids }: SpanSource, name: string) => ({
  name,
  kind: SpanKind.INTERNAL,
  context: { ...place.context, spanId: ids.generateSpanId() },
  parent: place.context,
});

const unset: SpanStatus = { code: SpanStatusCode.UNSET };
const statusOf = (outcome: string): SpanStatus =>
  outcome === 'served' ? unset : { code: SpanStatusCode.ERROR, message: outcome };
const isRefusal = ({ status }: Outcome): boolean => status !== null && status >= 400 && status < 500;

const secondsBetween = (from: number, to: number | null): number | null => (to === null ? null : (to - from) / 1_000);

const longestText = 128;
const longestPath = 200;

/** Texts of clients and operators, which may be long, and may be a key that somebody put into the wrong place. */
const text = (given: string | null, longest = longestText): string | null =>
  given === null ? null : shownText(given, longest);

type Nullable = Record<string, AttributeValue | null>;

const withoutNulls = (attributes: Nullable): Attributes => {
  const kept: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== null && value !== undefined) kept[name] = value;
  }
  return kept;
};

function toSpan(described: Described, epochMs: number, { resource, scope }: SpanSource): ReadableSpan {
  const { name, kind, context, parent, links = [], startedAt, endedAt, attributes, status } = described;
  const span: { -readonly [Member in keyof ReadableSpan]: ReadableSpan[Member] } = {
    name,
    kind,
    spanContext: () => context,
    startTime: millisToHrTime(epochMs + startedAt),
    endTime: millisToHrTime(epochMs + endedAt),
    duration: millisToHrTime(endedAt - startedAt),
    status,
    attributes,
    links,
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  // Spread into the literal, it would cost as much as all the rest of a span.
  if (parent !== null) span.parentSpanContext = parent;
  return span;
}
