/**
 * Values that stand in files of their own, as Docker, Kubernetes and systemd hand out secrets:
 * TOKLIGENCE_AUTH_ADMIN_KEY_FILE names the file that holds what TOKLIGENCE_AUTH_ADMIN_KEY would.
 */
import { readFileSync } from 'node:fs';
import { utf8 } from '../../domain/text/utf8.ts';
import { environmentName, sections } from '../keys.ts';
import { commandLineNames } from './environment.ts';
import type { FaultList } from './faults.ts';
import type { SettingFile } from './setting-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const suffix = '_FILE';
/** More than any value may be long. */
const mostBytes = 64 * 1024;

/** Names of keys that end alike themselves, such as those of paths and of a header `x-file`. */
const ownNames = (written: SettingFile): Set<string> => {
  const fixed = Object.entries(sections).map(([section, keys]) => [section, Object.keys(keys)] as const);
  const others = [...written].map(([section, values]) => [section, [...values.keys()]] as const);
  return new Set([...fixed, ...others].flatMap(([section, keys]) => keys.map(key => environmentName(section, key))));
};

/** The environment with the contents of the files that it names, each under the name of its value. */
export const withSecretFiles = (env: Environment, written: SettingFile, faults: FaultList): Environment => {
  const own = ownNames(written);
  const result = { ...env };
  for (const [name, text] of Object.entries(env)) {
    const path = text?.trim() ?? '';
    if (!name.startsWith('TOKLIGENCE_') || !name.endsWith(suffix) || own.has(name) || commandLineNames.has(name))
      continue;
    delete result[name];
    if (path === '') continue;
    const target = name.slice(0, -suffix.length);
    const isTwice = (env[target]?.trim() ?? '') !== '';
    if (isTwice)
      faults.add(null, null, `${target} and ${name} are both set in the environment: only one of them may be`);
    else result[target] = read(path, message => faults.add(null, null, `${name} in the environment: ${message}`));
  }
  return result;
};

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
};

const read = (path: string, fault: (message: string) => void): string => {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > mostBytes) fault(`${path} has more than ${mostBytes} bytes`);
    else if (bytes.toString('latin1').trim() === '') fault(`${path} is empty`);
    else {
      const text = utf8(bytes);
      if ('text' in text) return text.text;
      fault(`${path} ${text.fault}`);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    fault(`${path}: ${reasons[code] ?? code}`);
  }
  return '';
};
