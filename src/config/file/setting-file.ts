import type { FaultList } from './faults.ts';

/*
 * Reads the file without the `ini` package, which silently cuts an unquoted value at ; or #, halves \\, reads
 * '1.0' as a number and `[section] ; comment` as a key, and keeps the last of two equal keys. A password or a
 * path must arrive as it was written, or be refused.
 *
 *   [section]            ; or # begin a comment on a line of its own
 *   key = value
 *   key = "value with ; # or spaces at its ends, \" and \\ inside"      (a JSON string)
 *   key = 'the same, taken literally'
 */

/** Values as written, unquoted; sections and keys in the file's order. */
export type SettingFile = Map<string, Map<string, string>>;

const sectionName = /^[A-Za-z0-9_-]{1,64}$/;
const namedSection = /^(provider|pool)\.[A-Za-z][A-Za-z0-9_-]{0,63}$/;
// A tenant's ID comes from a mapping and a model's name from its vendor, so they may be nearly any text.
const freeSection = /^(?:tenant|model)\.(?! )[^\p{Cc}\]]{1,256}$/u;
const keyName = /^[A-Za-z_]{1,40}$/;
// The name of a header: the characters that HTTP allows, compared in lower case.
const headerKey = /^header\.[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

const quoteRule = 'must be in double quotes (a comment needs a line of its own)';

const unquoteJson = (raw: string): string | null => {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
};

/** Returns the value, or the reason why it cannot be read. */
const readValue = (raw: string): { value: string } | { reason: string } => {
  if (raw.startsWith('"')) {
    const value = unquoteJson(raw);
    return value === null
      ? { reason: 'the value must end with its closing quote, with \\" for a quote and \\\\ for a backslash inside' }
      : { value };
  }
  if (raw.startsWith("'")) {
    const inner = raw.slice(1, -1);
    return raw.length < 2 || !raw.endsWith("'") || inner.includes("'")
      ? { reason: 'the value must end with its closing quote and have none inside' }
      : { value: inner };
  }
  return /[;#]/.test(raw) ? { reason: `a value with ; or # ${quoteRule}` } : { value: raw };
};

/** The spelling of a value that `readSettingFile` reads as this text. */
export const valueAsWritten = (value: string): string =>
  /[;#"'\p{Cc}]|^\s|\s$/u.test(value) ? JSON.stringify(value) : value;

const headerRules = {
  alone: 'a section is [name], alone on its line',
  dotted:
    'no dots in names but [provider.NAME] and [pool.NAME], NAME being a letter, then letters, digits, - or _, [tenant.TENANT_ID] and [model.NAME]',
  plain: 'not a name of a section',
};

/** Returns the fault of a section's name; null if there is none. */
const headerFault = (name: string | undefined): string | null => {
  if (name === undefined) return headerRules.alone;
  if (freeSection.test(name)) return null;
  if (name.includes('.')) return namedSection.test(name) ? null : headerRules.dotted;
  return sectionName.test(name) ? null : headerRules.plain;
};

class Reader {
  readonly file: SettingFile = new Map();
  readonly #faults: FaultList;
  #section: string | null = null;
  /** Null while the lines of an unusable section are skipped. */
  #values: Map<string, string> | null = null;

  constructor(faults: FaultList) {
    this.#faults = faults;
  }

  header(text: string, line: number): void {
    const name = /^\[([^\]]*)\]$/.exec(text)?.[1]?.trim();
    const fault = headerFault(name);
    this.#section = name === undefined || fault === headerRules.plain ? `line ${line}` : name;
    const first = this.file.get(this.#section);
    if (fault !== null) this.#faults.add(this.#section, null, fault);
    else if (first !== undefined) this.#faults.add(this.#section, null, `the section stands twice (line ${line})`);
    this.#values = fault === null ? (first ?? new Map()) : null;
    if (this.#values !== null) this.file.set(this.#section, this.#values);
  }

  entry(text: string, line: number): void {
    if (this.#section === null) this.#faults.add(null, null, `line ${line} stands before the first [section]`);
    if (this.#section === null || this.#values === null) return;
    const equals = text.indexOf('=');
    const written = text.slice(0, Math.max(equals, 0)).trim();
    const isHeader = headerKey.test(written);
    const key = isHeader ? written.toLowerCase() : written;
    if (!isHeader && !keyName.test(key)) {
      // A text that is no name is not repeated: it may be a value that lost its key.
      const message = `line ${line} is not "key = value", key being a name of letters and _ without dots, or header.NAME`;
      this.#faults.add(this.#section, null, message);
      return;
    }
    if (this.#values.has(key)) this.#faults.add(this.#section, key, `the key stands twice (line ${line})`);
    const read = readValue(text.slice(equals + 1).trim());
    this.#values.set(key, 'value' in read ? read.value : '');
    if ('reason' in read) this.#faults.add(this.#section, key, read.reason);
  }
}

export const readSettingFile = (text: string, faults: FaultList): SettingFile => {
  const reader = new Reader(faults);
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue;
    if (line.startsWith('[')) reader.header(line, index + 1);
    else reader.entry(line, index + 1);
  }
  return reader.file;
};
