/** What a command line gives of a provider or a route: settings as words, a key and a text from a file. */
import { usageFault } from '../exit.ts';
import { type Streams, visible } from '../output.ts';
import { readText, textOf } from '../text-file.ts';

export const settingsHelp =
  'KEY=VALUE as in the file, also base_url=URL,URL; without a value: as the file or the default says';
export const keyFileFlag = '--api-key-file <file>';
export const keyFileHelp = 'a file with the key of the upstream, or - for standard input';

export interface KeyFlags {
  readonly apiKeyFile?: string;
}

export type GivenFields = Record<string, string | boolean | null>;

/** An empty value is null: as the file or the default says. */
export function fieldsOf(given: readonly string[]): GivenFields {
  const fields: GivenFields = {};
  for (const text of given) {
    const [, key, value = ''] = /^([a-z_]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined) throw usageFault(`${visible(text)} is not KEY=VALUE, with a KEY of a-z and _`);
    // Everybody who may run ps sees the words of a command.
    if (key === 'api_key') throw usageFault('a key is not given as a word of the command: use --api-key-file');
    if (Object.hasOwn(fields, key)) throw usageFault(`${key} is given twice`);
    const isFlag = key === 'enabled' && (value === 'true' || value === 'false');
    fields[key] = isFlag ? value === 'true' : value || null;
  }
  return fields;
}

export function keyOf({ apiKeyFile }: KeyFlags, streams: Streams): { api_key?: string } {
  if (apiKeyFile === undefined) return {};
  const key = textFrom(apiKeyFile, streams).trim();
  if (key === '') throw usageFault(`${nameOf(apiKeyFile)} holds no key`);
  return { api_key: key };
}

/** `-` is standard input. */
export const textFrom = (file: string, { readInput }: Pick<Streams, 'readInput'>): string =>
  file === '-' ? textOf(readInput(), nameOf(file)) : readText(file);

export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);
