/** Finds the gateway and the key of a command: flags, then environment, then the user's file. */
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { FaultList } from '../../config/file/faults.ts';
import { readSettingFile } from '../../config/file/setting-file.ts';
import { userFolders } from '../../config/user-folders.ts';
import { maxKeyBytes } from '../../domain/vocabulary.ts';
import { CliFault, exitCodes, usageFault } from './exit.ts';
import type { Streams } from './output.ts';
import { readText, readTextIfThere, textOf } from './text-file.ts';

export interface TargetFlags {
  readonly server?: string;
  readonly key?: string;
  readonly keyFile?: string;
}

export interface Target {
  readonly url: string;
  readonly key: string;
}

/** The parts of the process that they are read from. */
type Surroundings = Pick<Streams, 'env' | 'readInput'>;
type Environment = Streams['env'];

const defaultUrl = 'http://127.0.0.1:8081';
const environmentNames = {
  url: 'TOKLIGENCE_URL',
  key: 'TOKLIGENCE_ADMIN_KEY',
  keyFile: 'TOKLIGENCE_ADMIN_KEY_FILE',
} as const;

const section = 'gateway';
const fileKeys = ['url', 'key', 'key_file'] as const;

export const targetHelp = `Which gateway, and with which key (flags win over the environment, that over the file):
  --server URL      ${environmentNames.url}             url       (default ${defaultUrl})
  --key-file FILE   ${environmentNames.keyFile}  key_file
  --key KEY         ${environmentNames.key}       key       (a flag is seen by everybody who may run ps)
The file is $XDG_CONFIG_HOME/tokligence/cli.ini, else ~/.config/tokligence/cli.ini:
  [${section}]
  url = https://gateway.example.com
  key = tok_…
A file with a key must be readable by you alone (chmod 600). Its key goes to its url only.`;

export function readTarget(flags: TargetFlags, surroundings: Surroundings): Target {
  const { env } = surroundings;
  if (flags.key !== undefined && flags.keyFile !== undefined) throw usageFault('give --key or --key-file, not both');
  const file = configFile(env);
  const stored = readConfig(file);
  const url = checkedUrl(flags.server ?? given(env, 'url') ?? stored.url ?? defaultUrl);
  const key =
    flagKey(flags, surroundings) ?? environmentKey(surroundings) ?? storedKey(stored, url, { ...surroundings, file });
  if (key === null) {
    const elsewhere = hasKey(stored) ? `; the key in ${file} is for ${stored.url} only` : '';
    const ways = `--key-file, ${environmentNames.key} or ${file}`;
    throw new CliFault(exitCodes.refused, `no admin key for ${url}: give one by ${ways}${elsewhere}`);
  }
  return { url, key };
}

const configFile = (env: Environment): string => join(userFolders(env).config, 'cli.ini');

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw usageFault(`the server must be a URL such as ${defaultUrl}`);
  }
  if (url.username !== '' || url.password !== '')
    throw usageFault('the server must be a URL without user and password');
  return url.href.replace(/\/+$/, '');
}

interface Stored {
  readonly url: string | null;
  readonly key: string | null;
  readonly keyFile: string | null;
}

function readConfig(file: string): Stored {
  const text = readTextIfThere(file);
  if (text === null) return { url: null, key: null, keyFile: null };
  const faults = new FaultList();
  const written = readSettingFile(text, faults);
  for (const name of written.keys()) if (name !== section) faults.add(name, null, `there is only [${section}]`);
  const values = written.get(section) ?? new Map<string, string>();
  for (const key of values.keys()) {
    if (!fileKeys.some(known => known === key)) faults.add(section, key, `there are only ${fileKeys.join(', ')}`);
  }
  try {
    faults.throwIfAny();
  } catch (error) {
    throw usageFault(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const key = values.get('key') || null;
  if (key !== null) refuseShared(file);
  const keyFile = values.get('key_file') || null;
  if (key !== null && keyFile !== null) throw usageFault(`${file} has both key and key_file: keep one`);
  return { url: values.get('url') || null, key, keyFile: keyFile && resolve(dirname(file), fromHome(keyFile)) };
}

const fromHome = (path: string): string => (path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);

/** Refuses a key file that others may read, as ssh does for private keys. Windows has no such modes. */
function refuseShared(file: string): void {
  const mode = statSync(file).mode & 0o777;
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw usageFault(
    `${file} holds a key and others may read or change it (mode ${mode.toString(8)}): run chmod 600 ${quoted(file)}`,
  );
}

const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

function flagKey({ key, keyFile }: TargetFlags, surroundings: Surroundings): string | null {
  if (key !== undefined) return checkedKey(key, '--key');
  return keyFile === undefined ? null : readKey(keyFile, surroundings);
}

function environmentKey(surroundings: Surroundings): string | null {
  const key = given(surroundings.env, 'key');
  if (key !== null) return checkedKey(key, environmentNames.key);
  const file = given(surroundings.env, 'keyFile');
  return file === null ? null : readKey(file, surroundings);
}

/** Returns a variable of the environment; an empty one counts as not set, as with the daemon's settings. */
const given = (env: Environment, name: keyof typeof environmentNames): string | null =>
  env[environmentNames[name]]?.trim() || null;

const hasKey = ({ key, keyFile }: Stored): boolean => key !== null || keyFile !== null;

/** A key that was stored for one gateway is never sent to another one. */
function storedKey(stored: Stored, url: string, { file, ...rest }: Surroundings & { file: string }): string | null {
  if (stored.url !== null && checkedUrl(stored.url) !== url) return null;
  if (stored.key !== null) return checkedKey(stored.key, `key in ${file}`);
  return stored.keyFile === null ? null : readKey(stored.keyFile, rest);
}

/** Returns the key on the first line of a file; `-` is standard input. */
export function readKey(file: string, { readInput }: Pick<Streams, 'readInput'>): string {
  if (file === '-') return checkedKey(textOf(readInput(), 'standard input'), 'standard input');
  return checkedKey(readText(file, `the key file ${file}`), file);
}

/**
 * The key goes into a header, so only visible ASCII is allowed. The text is not repeated, because it may be part of a
 * key.
 */
function checkedKey(text: string, from: string): string {
  const key = text.trim();
  if (key === '') throw usageFault(`${from} holds no key`);
  if (key.length > maxKeyBytes || !/^[\x21-\x7e]+$/.test(key))
    throw usageFault(`${from} must hold one key: up to ${maxKeyBytes} visible characters`);
  return key;
}
