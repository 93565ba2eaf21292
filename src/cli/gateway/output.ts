import { type Column, textTable } from '../table.ts';

/** The input and output of a command: the process's own streams, or those of a test. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Reads standard input to its end. */
  readonly readInput: () => Uint8Array;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns foreign text in a form that is safe for a terminal: the content of rows and answers must not move the cursor,
 * colour the screen or fake a line.
 */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, character => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });

export const table = (columns: readonly Column[], rows: readonly (readonly string[])[]): string =>
  `${textTable(
    columns,
    rows.map(row => row.map(visible)),
  ).join('\n')}\n`;

export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** An exact pattern in clear is a key: a terminal shows no more of it than a log does. Hashes are shortened. */
export function shownPattern({ pattern, match_type }: { pattern: string; match_type: string }): string {
  if (match_type !== 'exact') return pattern;
  return pattern.startsWith('sha256:') ? `${pattern.slice(0, 19)}…` : `${pattern.slice(0, 8)}…`;
}

export const moment = (iso: string | null | undefined): string =>
  iso == null ? '-' : iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
