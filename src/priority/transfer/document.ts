/**
 * Reads a file of mappings: from its bytes to rows that can be compared with stored ones. Takes seconds where a file
 * is large, and hours where it was written for that, so it runs in a thread of its own; all else is bounded here.
 */
import { utf8 } from '../../domain/text/utf8.ts';
import { withoutKeys } from '../../telemetry/text.ts';
import { type ReadRow, readRow } from './import-rows.ts';
import { type FileRow, plainYaml } from './plain-yaml.ts';
import { FaultCount, type RowFaults } from './row-faults.ts';

export type DocumentFormat = 'yaml' | 'json';

export const mostRows = 200_000;
/** Each is compiled to be checked. */
export const mostRegexes = 5_000;
/** In characters. */
export const longestLine = 65_536;
/** YAML that is not one field a line takes the library a hundred times its size in memory. In characters. */
export const largestFreeYaml = 4 * 2 ** 20;

export interface ReadFile {
  readonly rows: readonly ReadRow[];
  /** Rows that cannot even be compared. */
  readonly faults: RowFaults;
}

/** The fault of a file as a whole; quotes nothing of it. */
export class DocumentFault extends Error {}

/** Throws a DocumentFault. */
export async function readDocument(format: DocumentFormat, bytes: Uint8Array): Promise<ReadFile> {
  const found = await rowsOf(format, decoded(bytes));
  refuseTooMany('regexes', found.filter(isRegex).length, mostRegexes);
  const rows: ReadRow[] = [];
  const faults = new FaultCount();
  for (const one of found) {
    const row = readRow(one);
    if ('reason' in row) faults.add(row);
    else rows.push(row);
  }
  return { rows, faults };
}

async function rowsOf(format: DocumentFormat, text: string): Promise<readonly FileRow[]> {
  try {
    return format === 'json' ? rowsOfJson(text) : await rowsOfYaml(text);
  } catch (error) {
    if (error instanceof RangeError) throw new DocumentFault('The document is nested too deeply to be read.');
    throw error;
  }
}

function refuseTooMany(what: 'mappings' | 'regexes', count: number, most: number): void {
  if (count > most) throw new DocumentFault(`The file has more ${what} than an import takes: at most ${most}.`);
}

const isRegex = ({ value }: FileRow): boolean =>
  typeof value === 'object' && value !== null && 'match_type' in value && value.match_type === 'regex';

function decoded(bytes: Uint8Array): string {
  const read = utf8(bytes);
  if ('fault' in read) throw new DocumentFault(`The file ${read.fault}.`);
  return read.text;
}

const wantedRoot = 'The document must have one field, mappings, and that must be a list of mappings.';

function rowsOfJson(text: string): FileRow[] {
  const root = parseJson(text);
  const names = typeof root === 'object' && root !== null && !Array.isArray(root) ? Object.keys(root) : [];
  const { mappings } = (root ?? {}) as { mappings?: unknown };
  if (names.join() !== 'mappings' || !Array.isArray(mappings)) throw new DocumentFault(wantedRoot);
  refuseTooMany('mappings', mappings.length, mostRows);
  return mappings.map((value, index) => ({ index, line: null, value }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position \d+/.exec(String(error));
    throw new DocumentFault(`The body is not valid JSON${position ? ` (at ${position[0]})` : ''}.`);
  }
}

async function rowsOfYaml(text: string): Promise<readonly FileRow[]> {
  const long = firstLongLine(text);
  if (long !== null) return rowsOfOneLine(text, long);
  const { rows, stoppedAt } = plainYaml(text, mostRows);
  refuseTooMany('mappings', rows?.length ?? 0, mostRows);
  if (rows !== null) return rows;
  if (text.length > largestFreeYaml)
    throw new DocumentFault(
      `Line ${stoppedAt} is not as an export has them, one field and its value, and a file with other YAML has at most ${largestFreeYaml} characters: write it as an export is written, or as JSON.`,
    );
  return rowsOfFreeYaml(text);
}

function firstLongLine(text: string): number | null {
  let line = 0;
  for (let at = 0; at <= text.length; ) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    line++;
    if (end - at > longestLine) return line;
    at = end + 1;
  }
  return null;
}

/** JSON is YAML, and mostly written in one line. */
function rowsOfOneLine(text: string, line: number): FileRow[] {
  const tooLong = `Line ${line} has more than ${longestLine} characters, the most that a line of YAML may have.`;
  if (!text.trimStart().startsWith('{')) throw new DocumentFault(tooLong);
  try {
    return rowsOfJson(text);
  } catch (error) {
    const reason = error instanceof DocumentFault ? ` As JSON: ${error.message}` : '';
    throw new DocumentFault(`${tooLong}${reason}`);
  }
}

async function rowsOfFreeYaml(text: string): Promise<FileRow[]> {
  const { isMap, isSeq, isNode, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const lineAt = (offset: number | undefined) => lines.linePos(offset ?? 0).line;
  const error = document.errors[0];
  if (error) {
    const reason = withoutKeys(error.message.split('\n')[0] ?? '').slice(0, 200);
    throw new DocumentFault(`The body is not valid YAML (line ${lineAt(error.pos[0])}): ${reason}`);
  }
  const root = document.contents;
  const mappings = isMap(root) && root.items.length === 1 ? root.get('mappings') : null;
  if (!isSeq(mappings)) throw new DocumentFault(wantedRoot);
  refuseTooMany('mappings', mappings.items.length, mostRows);
  return mappings.items.map((item, index) => {
    const line = isNode(item) ? lineAt(item.range?.[0]) : null;
    return { index, line, value: isNode(item) ? withoutAliases(() => item.toJS(document, noAliases), line) : null };
  });
}

const noAliases = { maxAliasCount: 0 };

/** A few aliases of aliases make gigabytes of a few lines, so there are none at all. */
function withoutAliases(convert: () => unknown, line: number | null): unknown {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new DocumentFault(`Aliases (*name) are not taken; there is one in the row of line ${line}.`);
  }
}
