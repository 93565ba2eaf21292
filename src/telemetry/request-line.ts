import type { Attempt, Outcome } from '../domain/outcome.ts';
import type { LogFields } from './logger.ts';
import { jsonInner, printable, shownText, wordOrQuoted } from './text.ts';

/*
 * The line of every request, put together by hand: a logging library's generic path costs several
 * times as much, and this is the one line that a gateway writes a million of. Texts of clients' and
 * operators' making (request id, path, model, flow, X-Priority) are cut, stripped of keys and escaped; the method is one
 * of those that Node's parser knows. A query string is left out: people put keys there.
 */

const longestPath = 200;
const longestName = 128;

const pathOf = (outcome: Outcome): string => {
  const query = outcome.path.indexOf('?');
  return shownText(query < 0 ? outcome.path : outcome.path.slice(0, query), longestPath);
};

/** With three decimals, as integers: V8 takes ten times as long over a double. */
const msText = (ms: number): string => {
  const microseconds = Math.round(ms * 1000);
  const whole = Math.floor(microseconds / 1000);
  const rest = microseconds - whole * 1000;
  return `${whole}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`;
};

let second = -1;
let secondText = '';

/** Like Date.toISOString, which costs more than the rest of the line, but done once a second. */
const isoTime = (epochMs: number): string => {
  const current = Math.floor(epochMs / 1000);
  if (current !== second) {
    second = current;
    secondText = new Date(current * 1000).toISOString().slice(0, -4);
  }
  return `${secondText}${String(Math.floor(epochMs % 1000)).padStart(3, '0')}Z`;
};

const named = (text: string | null): string =>
  text === null ? 'null' : `"${jsonInner(shownText(text, longestName))}"`;
/** Words of our own, and names and origins that the configuration has checked. */
const word = (text: string | null): string => (text === null ? 'null' : `"${text}"`);

const upstreamRequestId = ({ upstreamRequestId: id }: Outcome): string =>
  id === null ? '' : `,"upstream_request_id":${named(id)}`;

const traceIds = ({ trace }: Outcome): string =>
  trace ? `,"trace_id":"${trace.traceId}","span_id":"${trace.spanId}"` : '';

/** Only where a call had to be made again, or its endpoint is one of several. */
const isTold = ({ attempts: [first, second] }: Outcome): boolean =>
  second !== undefined || (first !== undefined && (first.failure !== null || first.endpoint !== null));

const attempts = (outcome: Outcome): string =>
  isTold(outcome) ? `,"attempts":[${outcome.attempts.map(attemptText).join(',')}]` : '';

const attemptText = ({ provider, endpoint, failure, ms }: Attempt): string =>
  `{"provider":"${provider}","endpoint":${word(endpoint)},"failure":${word(failure)},"ms":${msText(ms)}}`;

const spilledFrom = ({ spilledFrom: pool }: Outcome): string => (pool === null ? '' : `,"spilled_from":"${pool}"`);

const affinity = ({ affinity: found }: Outcome): string => (found ? `,"affinity":"${found}"` : '');

/** The fields that are the same on every line, put together once. */
export const jsonLabels = (labels: LogFields): string =>
  Object.entries(labels)
    .map(([key, value]) => `,"${key}":${JSON.stringify(value)}`)
    .join('');

/** `labels`: of `jsonLabels`. */
export const jsonRequestLine = (outcome: Outcome, epochMs: number, labels = ''): string => {
  const { status, usage } = outcome;
  const path = jsonInner(pathOf(outcome));
  const tokens =
    usage === null
      ? ''
      : `,"input_tokens":${usage.inputTokens},"cached_input_tokens":${usage.cachedInputTokens},"output_tokens":${usage.outputTokens},"usage":"${usage.isEstimated ? 'estimated' : 'reported'}"`;
  return (
    `{"level":"info","time":"${isoTime(epochMs)}"${labels},"msg":"${outcome.method} ${path} ${status ?? '-'} ${outcome.outcome}"` +
    `,"request_id":${named(outcome.requestId)},"outcome":"${outcome.outcome}","status":${status}` +
    `,"method":"${outcome.method}","path":"${path}","key_id":${outcome.keyId},"flow_id":${named(outcome.flowId)}` +
    `,"mapping_id":${outcome.mappingId},"asked":${named(outcome.asked)},"priority":${outcome.level}` +
    `,"source":${word(outcome.source)},"model":${named(outcome.model)},"provider":${word(outcome.provider)}` +
    `,"pool":${word(outcome.pool)},"wait_ms":${outcome.waitMs === null ? 'null' : msText(outcome.waitMs)}` +
    `,"duration_ms":${msText(outcome.durationMs)}${tokens}${attempts(outcome)}${spilledFrom(outcome)}${affinity(outcome)}${upstreamRequestId(outcome)}${traceIds(outcome)}}`
  );
};

export const prettyLabels = (labels: LogFields): string =>
  Object.entries(labels)
    .map(([key, value]) => prettyField(key, String(value)))
    .join('');

const prettyField = (key: string, text: string | null): string =>
  text === null ? '' : ` ${key}=${wordOrQuoted(shownText(text, longestName))}`;
const figure = (key: string, value: number | string | null): string => (value === null ? '' : ` ${key}=${value}`);

const shortAttempt = ({ provider, endpoint, failure }: Attempt): string =>
  [provider, endpoint, failure].filter(word => word !== null).join(' ');

/** Fields that the request did not come to are left out. `labels`: of `prettyLabels`. */
export const prettyRequestLine = (outcome: Outcome, bracket: string, labels = ''): string => {
  const { usage, waitMs } = outcome;
  const tokens =
    usage === null
      ? ''
      : ` input_tokens=${usage.inputTokens} cached_input_tokens=${usage.cachedInputTokens} output_tokens=${usage.outputTokens}${usage.isEstimated ? ' usage=estimated' : ''}`;
  return (
    `${bracket} ${outcome.method} ${printable(pathOf(outcome))} ${outcome.status ?? '-'} ${outcome.outcome}` +
    figure('priority', outcome.level) +
    figure('source', outcome.source) +
    prettyField('flow_id', outcome.flowId) +
    figure('wait_ms', waitMs === null ? null : msText(waitMs)) +
    figure('duration_ms', msText(outcome.durationMs)) +
    prettyField('model', outcome.model) +
    figure('provider', outcome.provider) +
    figure('pool', outcome.pool) +
    figure('spilled_from', outcome.spilledFrom) +
    figure('affinity', outcome.affinity ?? null) +
    (isTold(outcome) ? prettyField('attempts', outcome.attempts.map(shortAttempt).join(',')) : '') +
    tokens +
    figure('key_id', outcome.keyId) +
    figure('mapping_id', outcome.mappingId) +
    prettyField('asked', outcome.asked) +
    prettyField('request_id', outcome.requestId) +
    prettyField('upstream_request_id', outcome.upstreamRequestId) +
    figure('trace_id', outcome.trace?.traceId ?? null) +
    figure('span_id', outcome.trace?.spanId ?? null) +
    labels
  );
};
