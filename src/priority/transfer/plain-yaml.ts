/**
 * YAML as exports are written and as most people edit them: a list of flat rows, a field per line, each value
 * a word, a quoted text, a number, true, false or null. It is read several times as fast as all of YAML is;
 * for anything else the reader gives up and leaves it to the library.
 */
import type { PortableRow } from '../../domain/mapping.ts';
import { portableFields } from './portable-row.ts';

export interface FileRow {
  /** From 0. */
  readonly index: number;
  /** From 1; null in a file that is not read by lines. */
  readonly line: number | null;
  readonly value: unknown;
}

const words = new Map<string, boolean | null>(
  ([true, false, null] as const).flatMap(value => {
    const word = String(value);
    const spellings = [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)];
    return spellings.map(spelling => [spelling, value] as const);
  }),
);

/**
 * Words that other readers do not read as text, in any case of letters: YAML 1.1, which PyYAML, Ansible, Ruby and older
 * Go tools use, knows more words than 1.2. Its numbers, dates, `=` and `<<` begin with no letter, so they are quoted
 * anyway; but some readers take an exponent alone for a number.
 */
const wordOfOthers = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf|infinity|e[-+]?\d[\d_]*)$/i;

// A text that YAML reads without quotes; everything else is quoted. No such word begins or ends a structure, a comment,
// a key or an alias.
const plainWord = String.raw`[A-Za-z_][A-Za-z0-9_./@*+=()^$|?\\-]*`;
const plainText = new RegExp(`^${plainWord}(?: [A-Za-z0-9_./@+=()-]+)*$`);
const double = String.raw`"(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"`;
const single = String.raw`'(?:[^'\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|'')*'`;
const value = String.raw`${double}|${single}|-?(?:0|[1-9]\d{0,8})|${plainWord}(?: [A-Za-z0-9_./@+=()-]+)*`;
const fieldLine = new RegExp(`^( *)(- +)?([a-z_]+):(?: +(${value}))?(?: +#.*)? *$`);
const emptyLine = /^ *(?:#.*)?$/;
const firstLine = /^mappings:(?: +#.*)? *$/;

const fieldNames: ReadonlySet<string> = new Set(portableFields);
/** Either all rows, and one more than the most at the most, or the line that needs all of YAML to tell what it means. */
export function plainYaml(
  text: string,
  mostRows: number,
): { rows: FileRow[]; stoppedAt: null } | { rows: null; stoppedAt: number } {
  const reader = new Reader();
  let line = 0;
  for (let at = 0; at < text.length && reader.rows.length <= mostRows; ) {
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end;
    const isRead = reader.take(text.slice(at, text[next - 1] === '\r' ? next - 1 : next), ++line);
    if (!isRead) return { rows: null, stoppedAt: line };
    at = next + 1;
  }
  return reader.rows.length > 0 ? { rows: reader.rows, stoppedAt: null } : { rows: null, stoppedAt: line };
}

class Reader {
  readonly rows: FileRow[] = [];
  #hasBegun = false;
  #dash = -1;
  #column = -1;
  #row: Record<string, unknown> = {};

  /** False: not a line that it understands. */
  take(text: string, line: number): boolean {
    if (emptyLine.test(text)) return text.isWellFormed();
    if (!this.#hasBegun) {
      this.#hasBegun = firstLine.test(text);
      return this.#hasBegun;
    }
    const [, indent = '', dash, name = '', written] = fieldLine.exec(text) ?? [];
    if (!fieldNames.has(name) || !text.isWellFormed()) return false;
    if (dash === undefined) {
      if (indent.length !== this.#column || Object.hasOwn(this.#row, name)) return false;
    } else {
      if (this.#dash >= 0 && indent.length !== this.#dash) return false;
      this.#dash = indent.length;
      this.#column = indent.length + dash.length;
      this.#row = {};
      this.rows.push({ index: this.rows.length, line, value: this.#row });
    }
    this.#row[name] = written === undefined ? null : meaningOf(written);
    return true;
  }
}

function meaningOf(written: string): unknown {
  if (written.startsWith('"')) return JSON.parse(written);
  if (written.startsWith("'")) return written.slice(1, -1).replaceAll("''", "'");
  if (/^[-\d]/.test(written)) return Number(written);
  return words.has(written) ? words.get(written) : written;
}

/** A row as an item of the list under `mappings:`; what it would be anyway is left out. */
export function yamlOf(row: PortableRow): string {
  const told = portableFields.filter(field => row[field] !== null && !(field === 'enabled' && row.enabled));
  return told.map((field, at) => `${at === 0 ? '  - ' : '    '}${field}: ${spelled(row[field])}\n`).join('');
}

function spelled(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  return plainText.test(value) && !wordOfOthers.test(value) ? value : quoted(value);
}

/** JSON is YAML, but for characters that YAML wants escaped. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
