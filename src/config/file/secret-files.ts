/**
 * Values that stand in files of their own, as Docker, Kubernetes and systemd hand out secrets:
 * TOKLIGENCE_AUTH_ADMIN_KEY_FILE names the file that holds what TOKLIGENCE_AUTH_ADMIN_KEY would.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type Utf8, utf8 } from '../../domain/text/utf8.ts';
import { environmentName, sections } from '../keys.ts';
import { commandLineNames, type FilesNamed, fileSuffix } from './environment.ts';
import type { SettingFile } from './setting-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** More than any value may be long. */
const mostBytes = 64 * 1024;

/** Names of keys that end alike themselves, such as those of paths and of a header `x-file`. */
const ownNames = (written: SettingFile): Set<string> => {
  const fixed = Object.entries(sections).map(([section, keys]) => [section, Object.keys(keys)] as const);
  const others = [...written].map(([section, values]) => [section, [...values.keys()]] as const);
  return new Set([...fixed, ...others].flatMap(([section, keys]) => keys.map(key => environmentName(section, key))));
};

interface WithFiles {
  /** With the contents of the files, each under the name of its value. */
  readonly env: Environment;
  readonly files: FilesNamed;
}

/** Whether a value is known is decided later: variables of others may end in _FILE, too. */
export const withSecretFiles = (given: Environment, written: SettingFile): WithFiles => {
  const own = ownNames(written);
  const env = { ...given };
  const files = new Map<string, string | null>();
  for (const [variable, text] of Object.entries(given)) {
    const path = text?.trim() ?? '';
    if (!variable.startsWith('TOKLIGENCE_') || !variable.endsWith(fileSuffix)) continue;
    if (own.has(variable) || commandLineNames.has(variable)) continue;
    delete env[variable];
    if (path === '') continue;
    const name = variable.slice(0, -fileSuffix.length);
    const isTwice = (given[name]?.trim() ?? '') !== '';
    const read = isTwice
      ? { fault: `${name} and ${variable} are both set in the environment: only one of them may be` }
      : valueIn(path, variable);
    env[name] = 'text' in read ? read.text : (given[name] ?? '');
    files.set(name, 'fault' in read ? read.fault : null);
  }
  return { env, files };
};

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
};

const valueIn = (path: string, variable: string): Utf8 => {
  const refused = (reason: string) => ({ fault: `${variable} in the environment: ${path}${reason}` });
  try {
    const bytes = firstBytes(path);
    if (typeof bytes === 'string') return refused(`: ${bytes}`);
    if (bytes.length > mostBytes) return refused(` has more than ${mostBytes} bytes`);
    if (bytes.toString('latin1').trim() === '') return refused(' is empty');
    const read = utf8(bytes);
    return 'text' in read ? read : refused(` ${read.fault}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return refused(`: ${reasons[code] ?? code}`);
  }
};

/** Windows does not know the last one. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

/** One more than a value may have, at most; or what is there instead of a file. A pipe's writer is not waited for. */
const firstBytes = (path: string): Buffer | string => {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) return 'it is a folder';
    if (!stats.isFile()) return 'it is a pipe or a device, not a file';
    const bytes = Buffer.alloc(mostBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, { offset: length });
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
};
