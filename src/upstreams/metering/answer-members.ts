/**
 * Reads from the JSON of an answer, or of one of its events, everything except the content: usage, an error, its type.
 * A member counts only in its place in the dialects; one of the same name in a tool's input or a schema does not.
 *
 *   usage   of the outermost object, of its `message` (Anthropic), `response` (Responses), `x_groq`, or of a choice
 *   error   of the outermost object, of its `response`, or of a choice
 *   id      of the outermost object, or of its `response`
 *   model   of the outermost object, of its `message` or `response`
 */
import { MemberNames } from '../../json/member-names.ts';
import { MemberScan, type MemberVisitor } from '../../json/member-scan.ts';
import type { Token } from '../../json/scanned-token.ts';
import { type UsageField, type UsageReport, usageFields } from './usage-report.ts';

const details = ['prompt_tokens_details', 'input_tokens_details'] as const;
const members = [
  'usage',
  'error',
  'type',
  'status',
  'object',
  'code',
  'message',
  'response',
  'choices',
  'x_groq',
  'id',
  'model',
  'sequence_number',
] as const;
const watched = [...usageFields, ...details, ...members] as const;
type Watched = (typeof watched)[number];
const names = new MemberNames(watched);

const isUsageField = (name: Watched): name is UsageField => (usageFields as readonly string[]).includes(name);
const isDetail = (name: Watched | null): boolean => name === 'prompt_tokens_details' || name === 'input_tokens_details';

/** The error inside an answer; texts of the upstream, cut. */
export interface ToldError {
  readonly type: string;
  readonly code: string;
}

const longestWord = 64;
/** Some gateways put a route into it. */
const longestId = 1_024;

export class AnswerMembers implements MemberVisitor {
  readonly keepBytes = longestId;
  /** Of the outermost object. */
  type = '';
  /** Null without one, or with one that is too long. */
  responseId: string | null = null;
  /** Of the outermost object. */
  id: string | null = null;
  sequenceNumber: number | null = null;
  /** Null without one, or with one that is too long. */
  model: string | null = null;
  /** Some usage was reported. */
  hasUsage = false;
  #object = '';
  #status = '';
  #error: { type: string; code: string } | null = null;
  readonly #usage: UsageReport;
  /** Under which name each open container stands, by its depth; null: one that is not watched. */
  readonly #path: (Watched | null)[] = [];
  #usageDepth = 0;
  #errorDepth = 0;

  constructor(usage: UsageReport) {
    this.#usage = usage;
  }

  /** Null where it says of itself that it is well. */
  get error(): ToldError | null {
    if (this.#error !== null) return this.#error;
    const isFailed = this.#object === 'error' || (this.#object === 'response' && this.#status === 'failed');
    return isFailed ? { type: '', code: '' } : null;
  }

  opened(place: number, depth: number): void {
    const name = nameAt(place);
    this.#path[depth] = name;
    if (name === 'usage' && this.#isOwn(depth - 1)) this.#usageDepth = depth;
    if (name !== 'error' || !this.#isOwn(depth - 1)) return;
    this.#errorDepth = depth;
    this.#error ??= { type: '', code: '' };
  }

  closed(depth: number): void {
    this.#path[depth] = null;
    if (depth === this.#usageDepth) this.#usageDepth = 0;
    if (depth === this.#errorDepth) this.#errorDepth = 0;
  }

  value(place: number, depth: number, token: Token): void {
    const name = nameAt(place);
    if (name === null) return;
    if (depth === this.#usageDepth || this.#isInDetails(depth)) this.#inUsage(name, token);
    else if (depth === this.#errorDepth) this.#inError(name, token);
    else if (name === 'model' && depth <= 2 && this.#isOwn(depth)) this.model = idIn(token) ?? this.model;
    else if (depth === 1) this.#outermost(name, token);
    else if (name === 'id' && depth === 2 && this.#path[2] === 'response')
      this.responseId = idIn(token) ?? this.responseId;
    if (name === 'error' && this.#isOwn(depth) && !isNothing(token)) this.#error ??= { type: '', code: '' };
  }

  #isInDetails(depth: number): boolean {
    return this.#usageDepth > 0 && depth === this.#usageDepth + 1 && isDetail(this.#path[depth] ?? null);
  }

  #inUsage(name: Watched, token: Token): void {
    if (token.isString || !isUsageField(name)) return;
    this.hasUsage = this.#usage.tell(name, token.text()) || this.hasUsage;
  }

  #inError(name: Watched, token: Token): void {
    if (this.#error === null || isNothing(token)) return;
    if (name === 'type') this.#error.type ||= wordOf(token);
    else if (name === 'code' || name === 'status') this.#error.code ||= wordOf(token);
  }

  #outermost(name: Watched, token: Token): void {
    if (name === 'type') this.type = wordOf(token);
    else if (name === 'object') this.#object = wordOf(token);
    else if (name === 'status') this.#status = wordOf(token);
    else if (name === 'sequence_number') this.sequenceNumber = wholeNumberOf(token);
    else if (name === 'id') this.id = idIn(token) ?? this.id;
  }

  /** Whether members of the container of this depth are the answer's own. */
  #isOwn(depth: number): boolean {
    const name = this.#path[depth] ?? null;
    if (depth === 1) return true;
    if (depth === 2) return name === 'message' || name === 'response' || name === 'x_groq';
    // An element bears the name of its array.
    return depth === 3 && name === 'choices' && this.#path[2] === 'choices';
  }
}

/** Such a number is exact, and so is the next. */
const wholeNumber = /^\d{1,15}$/;

const wholeNumberOf = (token: Token): number | null =>
  !token.isString && wholeNumber.test(token.text()) ? Number(token.text()) : null;

const wordOf = (token: Token): string => token.text().slice(0, longestWord);

const idIn = (token: Token): string | null =>
  token.isString && token.bytes <= longestId ? unescaped(token.text()) : null;

/** A token's text is as it was written. */
function unescaped(text: string): string | null {
  try {
    return text.includes('\\') ? JSON.parse(`"${text}"`) : text;
  } catch {
    return null;
  }
}

const nameAt = (place: number): Watched | null => watched[place - 1] ?? null;

const isNothing = (token: Token): boolean =>
  token.bytes === 0 || (!token.isString && ['null', 'false', '0'].includes(token.text()));

/** Whole answers and single events are read alike; values may follow each other, like lines of JSON. */
export const scanAnswer = (members: AnswerMembers): MemberScan =>
  new MemberScan(names, members, { isOneObject: false });
