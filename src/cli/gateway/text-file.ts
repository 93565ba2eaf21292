import { readFileSync, writeFileSync } from 'node:fs';
import { utf8 } from '../../domain/text/utf8.ts';
import { usageFault } from './exit.ts';

/** Returns the text of a file; null if there is none. Throws a usage fault, under `name`, if the file is not UTF-8. */
export function readTextIfThere(file: string, name = file): string | null {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw usageFault(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return textOf(bytes, name);
}

/** The same for a file that must exist. */
export function readText(file: string, name = file): string {
  const text = readTextIfThere(file, name);
  if (text === null) throw usageFault(`${name} cannot be read: there is no such file`);
  return text;
}

export function textOf(bytes: Uint8Array, name: string): string {
  const read = utf8(bytes);
  if ('fault' in read) throw usageFault(`${name} ${read.fault}`);
  return read.text;
}

export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw usageFault(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
