import type { Outcome } from '../domain/outcome.ts';
import { cut, jsonString, printable, wordOrQuoted } from './text.ts';

/*
 * The line of every request, put together by hand: a logging library's generic path costs several
 * times as much, and this is the one line that a gateway writes a million of. Names of clients' making
 * (request id, path, model) are cut and escaped. A query string is left out: people put keys there.
 */

const longestPath = 200;
const longestName = 128;

const pathOf = (outcome: Outcome): string => {
  const query = outcome.path.indexOf('?');
  return cut(query < 0 ? outcome.path : outcome.path.slice(0, query), longestPath);
};

const roundMs = (ms: number): number => Math.round(ms * 1000) / 1000;

const textOf = (outcome: Outcome, path: string): string =>
  `${cut(outcome.method, 16)} ${path} ${outcome.status ?? '-'} ${outcome.outcome}`;

let second = -1;
let secondText = '';

/** As Date.toISOString, which costs more than the rest of the line, done once a second. */
const isoTime = (epochMs: number): string => {
  const current = Math.floor(epochMs / 1000);
  if (current !== second) {
    second = current;
    secondText = new Date(current * 1000).toISOString().slice(0, -4);
  }
  return `${secondText}${String(Math.floor(epochMs % 1000)).padStart(3, '0')}Z`;
};

const jsonOrNull = (text: string | null): string => (text === null ? 'null' : jsonString(cut(text, longestName)));

export const jsonRequestLine = (outcome: Outcome, epochMs: number): string => {
  const { usage } = outcome;
  const path = pathOf(outcome);
  return (
    `{"level":"info","time":"${isoTime(epochMs)}","request_id":${jsonOrNull(outcome.requestId)}` +
    `,"outcome":"${outcome.outcome}","status":${outcome.status},"method":${jsonOrNull(outcome.method)}` +
    `,"path":${jsonString(path)},"key_id":${outcome.keyId},"flow_id":${jsonOrNull(outcome.flowId)}` +
    `,"mapping_id":${outcome.mappingId},"asked":${jsonOrNull(outcome.asked)},"priority":${outcome.level}` +
    `,"source":${jsonOrNull(outcome.source)},"model":${jsonOrNull(outcome.model)}` +
    `,"provider":${jsonOrNull(outcome.provider)},"pool":${jsonOrNull(outcome.pool)}` +
    `,"wait_ms":${outcome.waitMs === null ? null : roundMs(outcome.waitMs)},"duration_ms":${roundMs(outcome.durationMs)}` +
    `,"input_tokens":${usage === null ? null : usage.inputTokens}` +
    `,"cached_input_tokens":${usage === null ? null : usage.cachedInputTokens}` +
    `,"output_tokens":${usage === null ? null : usage.outputTokens},"msg":${jsonString(textOf(outcome, path))}}`
  );
};

const pair = (key: string, value: string | number | null): string => {
  if (value === null) return '';
  return ` ${key}=${typeof value === 'number' ? value : wordOrQuoted(cut(value, longestName))}`;
};

/** Fields that the request did not come to are left out. */
export const prettyRequestLine = (outcome: Outcome, bracket: string): string => {
  const { usage } = outcome;
  return (
    `${bracket} ${printable(textOf(outcome, pathOf(outcome)))}${pair('priority', outcome.level)}` +
    pair('source', outcome.source) +
    pair('flow_id', outcome.flowId) +
    pair('wait_ms', outcome.waitMs === null ? null : roundMs(outcome.waitMs)) +
    pair('duration_ms', roundMs(outcome.durationMs)) +
    pair('model', outcome.model) +
    pair('provider', outcome.provider) +
    pair('pool', outcome.pool) +
    pair('input_tokens', usage === null ? null : usage.inputTokens) +
    pair('cached_input_tokens', usage === null ? null : usage.cachedInputTokens) +
    pair('output_tokens', usage === null ? null : usage.outputTokens) +
    pair('key_id', outcome.keyId) +
    pair('mapping_id', outcome.mappingId) +
    pair('asked', outcome.asked) +
    pair('request_id', outcome.requestId)
  );
};
