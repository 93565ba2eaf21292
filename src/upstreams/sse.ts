/**
 * Reads an answer's usage while its bytes pass, whichever dialect they are in. A JSON answer tells it
 * near its end (some servers: near its start), so only those two parts are kept. A stream tells it in
 * one event or two (Anthropic: input in the first, output in the last), so each line is looked at as it
 * passes and only lines with usage are kept. Where none comes, every event that carries a piece of
 * output counts as one token.
 */
import type { Usage } from '../domain/usage.ts';

export interface UsageMeter {
  /** Events with a piece of output that have passed; 0 where the answer is no stream. */
  readonly outputEvents: number;
  feed(chunk: Buffer): void;
  /** What is known so far; `inputEstimate` stands in where a stream does not tell. Null: nothing is known. */
  usage(inputEstimate: number): Usage | null;
}

export const meterFor = (contentType: string): UsageMeter =>
  contentType.startsWith('text/event-stream') ? new StreamMeter() : new JsonMeter();

const headBytes = 4 * 1024;
const tailBytes = 32 * 1024;

class JsonMeter implements UsageMeter {
  readonly outputEvents = 0;
  #head: Buffer | null = null;
  readonly #tail: Buffer[] = [];
  #tailBytes = 0;

  feed(chunk: Buffer): void {
    this.#head ??= chunk.length > headBytes ? chunk.subarray(0, headBytes) : chunk;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    for (let first = this.#tail[0]; first && this.#tailBytes - first.length >= tailBytes; first = this.#tail[0]) {
      this.#tail.shift();
      this.#tailBytes -= first.length;
    }
  }

  usage(): Usage | null {
    if (!this.#head) return null;
    const tail = this.#tail.length === 1 ? this.#tail[0] : Buffer.concat(this.#tail);
    const found = lastUsage(tail?.toString('latin1') ?? '') ?? lastUsage(this.#head.toString('latin1'));
    return found === null ? null : asUsage(found);
  }
}

/** An unfinished line beyond this is judged piece by piece, so that a huge event is never held whole. */
const maxLineChars = 16 * 1024;
/** What is kept of a judged piece: more than a usage object can be long. */
const overlapChars = 2 * 1024;
const lineFeed = 0x0a;

/** A piece of output in an event: chat, completions and Anthropic; then the Responses API, whose other events repeat it. */
const pieceOfOutput =
  /"(?:content|text|arguments|name|partial_json|thinking|reasoning|reasoning_content|refusal)": ?"[^"]/g;
const responsesPiece = /"delta": ?"[^"]/g;
const responsesEvent = /^event: ?response\.|"type": ?"response\./m;
/** Comments may come before it. */
const firstField = /^(?:event|data):/m;

class StreamMeter implements UsageMeter {
  outputEvents = 0;
  /** The unfinished last line. */
  #rest = '';
  #restHasOutput = false;
  /** Which pieces of output to count: the first lines of a stream tell. */
  #pattern: RegExp | null = null;
  #reported: ReportedUsage | null = null;
  #eventsWhenReported = 0;

  feed(chunk: Buffer): void {
    const text = this.#rest + chunk.toString('latin1');
    if (text.charCodeAt(text.length - 1) === lineFeed) {
      this.#rest = '';
      this.#readLines(text);
      return;
    }
    const end = text.lastIndexOf('\n') + 1;
    if (end > 0) this.#readLines(text.slice(0, end));
    this.#rest = text.slice(end);
    if (this.#rest.length > maxLineChars) this.#judgeRest();
  }

  usage(inputEstimate: number): Usage | null {
    if (this.#rest !== '') this.#readLines(this.#rest);
    this.#rest = '';
    const reported = this.#reported;
    const since = this.outputEvents - this.#eventsWhenReported;
    if (reported === null) {
      return since === 0 ? null : { inputTokens: inputEstimate, cachedInputTokens: 0, outputTokens: since };
    }
    const usage = asUsage(reported);
    // What was told before the first piece of output can say nothing about it.
    const toldOutput = this.#eventsWhenReported === 0 && since > 0 ? 0 : usage.outputTokens;
    return { ...usage, outputTokens: toldOutput + since };
  }

  #readLines(text: string): void {
    const pattern = this.#patternFor(text);
    if (this.#restHasOutput || mayTellUsage(text)) {
      for (const line of text.split('\n')) this.#readLine(line, pattern);
    } else {
      this.#countEvents(text, pattern);
    }
  }

  /** Lines without anything but output in them; of each the first piece counts. */
  #countEvents(text: string, pattern: RegExp): void {
    pattern.lastIndex = 0;
    while (pattern.test(text)) {
      this.outputEvents++;
      const end = text.indexOf('\n', pattern.lastIndex);
      // The last line may have no end, and -1 would make the search begin anew.
      if (end === -1) return;
      pattern.lastIndex = end;
    }
  }

  #readLine(line: string, pattern: RegExp): void {
    if (this.#restHasOutput || isFoundIn(pattern, line)) this.outputEvents++;
    this.#restHasOutput = false;
    this.#readUsage(line);
  }

  #patternFor(text: string): RegExp {
    if (this.#pattern === null && firstField.test(text)) {
      this.#pattern = responsesEvent.test(text) ? responsesPiece : pieceOfOutput;
    }
    return this.#pattern ?? pieceOfOutput;
  }

  #judgeRest(): void {
    this.#restHasOutput ||= isFoundIn(this.#patternFor(this.#rest), this.#rest);
    this.#readUsage(this.#rest);
    this.#rest = this.#rest.slice(-overlapChars);
  }

  #readUsage(text: string): void {
    const found = lastUsage(text);
    if (found === null) return;
    this.#reported = { ...this.#reported, ...found };
    this.#eventsWhenReported = this.outputEvents;
  }
}

function isFoundIn(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

/** The fields of all dialects, as far as they are told. */
interface ReportedUsage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null;
  readonly input_tokens?: unknown;
  readonly output_tokens?: unknown;
  readonly input_tokens_details?: { readonly cached_tokens?: unknown } | null;
  readonly cache_read_input_tokens?: unknown;
  readonly cache_creation_input_tokens?: unknown;
}

const usageName = '"usage"';

/** Most servers write `"usage":null` into every event but the last. */
function mayTellUsage(text: string): boolean {
  const at = text.indexOf(usageName);
  if (at === -1) return false;
  const isNull = text.startsWith(':null', at + usageName.length);
  return !isNull || text.includes(usageName, at + usageName.length);
}

/** Nested members of that name (a tool's input, say) stand before the answer's own. */
const maxTries = 4;

/**
 * The last usage object in a piece of JSON that may be cut at both ends. Text inside strings is never
 * taken for it: there the quotes are escaped.
 */
function lastUsage(text: string): ReportedUsage | null {
  let at = text.length;
  for (let tries = 0; tries < maxTries && at > 0; tries++) {
    at = text.lastIndexOf(usageName, at - 1);
    if (at === -1) return null;
    const found = usageAt(text, at + usageName.length);
    if (found !== null) return found;
  }
  return null;
}

/** Reads `: {…}` at a place. Usage objects hold no braces in strings, so counting braces finds the end. */
function usageAt(text: string, from: number): ReportedUsage | null {
  const start = text.indexOf('{', from);
  if (start === -1 || start > from + 8 || !/^\s*:\s*$/.test(text.slice(from, start))) return null;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x7b) depth++;
    else if (char === 0x7d && --depth === 0) return parsedUsage(text.slice(start, at + 1));
  }
  return null;
}

function parsedUsage(text: string): ReportedUsage | null {
  try {
    const value = JSON.parse(text) as ReportedUsage;
    return isCount(value.prompt_tokens) || isCount(value.input_tokens) || isCount(value.output_tokens) ? value : null;
  } catch {
    return null;
  }
}

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0;
const count = (value: unknown): number => (isCount(value) ? value : 0);

function asUsage(reported: ReportedUsage): Usage {
  const cached =
    count(reported.prompt_tokens_details?.cached_tokens) ||
    count(reported.input_tokens_details?.cached_tokens) ||
    count(reported.cache_read_input_tokens);
  // Anthropic's input_tokens leaves out what was read from the cache or written to it.
  const inputTokens = isCount(reported.prompt_tokens)
    ? reported.prompt_tokens
    : count(reported.input_tokens) +
      count(reported.cache_read_input_tokens) +
      count(reported.cache_creation_input_tokens);
  return {
    inputTokens,
    cachedInputTokens: Math.min(cached, inputTokens),
    outputTokens: count(reported.completion_tokens ?? reported.output_tokens),
  };
}
