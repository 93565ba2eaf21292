/**
 * The texts of `targets` and `aliases` in `[model.NAME]`:
 *
 *   targets  = group *( "," group )            in this order
 *   group    = target *( "|" target )          one place in the order, shared by weight
 *   target   = provider [ ":" name ] [ "*" weight ]
 *   aliases  = name *( "," name )
 *   name     = bare | quoted
 *   bare     = 1 or more characters but blanks , | * "      (it may contain further colons: qwen3:8b)
 *   quoted   = a JSON string
 *   weight   = a whole number from 1 to 1000, 1 where it is left out
 *
 * Blanks may stand between these parts. `written…` returns the text that is parsed to the same value.
 */
export interface PlannedTarget {
  readonly provider: string;
  /** The provider's name of the model; null: that of the route. */
  readonly model: string | null;
  /** Its share of its group. */
  readonly weight: number;
}

/** Targets at one place in the order. */
export type TargetGroup = readonly [PlannedTarget, ...PlannedTarget[]];

/** What cannot be read, as the rest of a sentence that begins with the name of the key. */
export interface TextFault {
  readonly fault: string;
}

export const mostTargets = 16;
export const mostAliases = 64;
const longestName = 256;
const mostWeight = 1_000;
const bareName = /^[^\s\p{Cc},|*"]+$/u;

/** Returns the groups in their order, at least one. */
export function parsedTargets(text: string): TargetGroup[] | TextFault {
  const reader = new PartReader(text);
  const groups: TargetGroup[] = [];
  let group: PlannedTarget[] = [];
  for (let number = 1; number <= mostTargets; number++) {
    const target = readTarget(reader);
    if (typeof target === 'string') return { fault: `target ${number} ${target}` };
    group.push(target);
    if (reader.takes('|')) continue;
    const [first, ...others] = group;
    if (first === undefined) break;
    if (others.length === 0 && first.weight !== 1)
      return { fault: `target ${number} has a weight, but shares its place with no other: those have | between them` };
    groups.push([first, ...others]);
    group = [];
    if (reader.isAtEnd) return groups;
    if (!reader.takes(',')) return { fault: `target ${number} ${notEnded}` };
  }
  return { fault: `has more than ${mostTargets} targets` };
}

const quoting =
  'a name with blanks or any of , | * " must be in double quotes, and a value that begins with them in single quotes besides';
const notEnded = `must be followed by a comma, | or the end of the text; ${quoting}`;

function readTarget(reader: PartReader): PlannedTarget | string {
  const provider = reader.matched(/[A-Za-z][A-Za-z0-9_-]{0,63}/y);
  if (provider === null) return 'must begin with the name of a provider, as in gpu:llama-70b';
  const model = reader.takes(':') ? reader.name() : null;
  if (model === undefined) return `must have the model's name after its colon, ${nameRule}`;
  if (!reader.takes('*')) return { provider, model, weight: 1 };
  const weight = Number(reader.matched(/\d{1,4}/y) ?? 0);
  if (weight < 1 || weight > mostWeight) return `must have a whole number from 1 to ${mostWeight} after its *`;
  return { provider, model, weight };
}

const nameRule = `of 1 to ${longestName} characters, in double quotes where it has blanks or any of , | * "`;

/** Returns the names in their order. */
export function parsedAliases(text: string): string[] | TextFault {
  const reader = new PartReader(text);
  const names: string[] = [];
  for (let number = 1; number <= mostAliases; number++) {
    const name = reader.name();
    if (name === undefined) return { fault: `name ${number} must be a name ${nameRule}` };
    names.push(name);
    if (reader.isAtEnd) return names;
    if (!reader.takes(','))
      return { fault: `name ${number} must be followed by a comma or the end of the text, and is no glob; ${quoting}` };
  }
  return { fault: `has more than ${mostAliases} names` };
}

export const writtenTargets = (groups: readonly TargetGroup[]): string =>
  groups.map(group => group.map(target => writtenTarget(target)).join(' | ')).join(', ');

const writtenTarget = ({ provider, model, weight }: PlannedTarget): string =>
  provider + (model === null ? '' : `:${writtenName(model)}`) + (weight === 1 ? '' : `*${weight}`);

export const writtenAliases = (names: readonly string[]): string => names.map(writtenName).join(', ');

const writtenName = (name: string): string => (bareName.test(name) ? name : JSON.stringify(name));

const isName = (name: string): boolean =>
  name.length >= 1 && name.length <= longestName && !/\p{Cc}/u.test(name) && name.isWellFormed();

/** Reads the parts of a text one after the other, and skips the blanks after each. */
class PartReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trimStart();
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Returns what the sticky pattern matches here; null if nothing. */
  matched(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const part = pattern.exec(this.#text)?.[0] ?? null;
    if (part === null) return null;
    const blanks = /\s*/y;
    blanks.lastIndex = this.#at + part.length;
    blanks.test(this.#text);
    this.#at = blanks.lastIndex;
    return part;
  }

  takes(mark: ',' | '|' | '*' | ':'): boolean {
    return this.#text[this.#at] === mark && this.matched(/./y) !== null;
  }

  /** Undefined: no name stands here. */
  name(): string | undefined {
    const quoted = this.matched(/"(?:[^"\\]|\\.)*"/y);
    const name = quoted === null ? this.matched(/[^\s\p{Cc},|*"]+/uy) : stringIn(quoted);
    return name !== null && isName(name) ? name : undefined;
  }
}

/** Null if it is no JSON string. */
function stringIn(quoted: string): string | null {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return null;
  }
}
