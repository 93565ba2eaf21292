/** Writes a configuration to begin with: every setting with its comment, and a few values that the user chose. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config-loader.ts';
import { valueAsWritten } from '../config/file/setting-file.ts';
import { userFolders } from '../config/user-folders.ts';
import { type Edition, editions } from '../domain/vocabulary.ts';
import { commandLine } from './command-line.ts';

const { config: configFolder, data } = userFolders(process.env);
const usualFile = join(configFolder, 'setting.ini');
const usualDataDir = join(data, 'gateway');

const help = `Usage: gatewayd init [FILE] [--edition EDITION] [--data-dir DIR] [--force]

Writes a setting.ini with every setting, its default and a comment, and with a built-in model to try it
out; prints how to start the gateway with it. Asks nothing, and replaces no file without --force.

  FILE               where to (default: ${usualFile})
  --edition EDITION  ${editions.join(' or ')} (default: ${editions[0]}). personal: SQLite. team: PostgreSQL (an
                     embedded one, until [database] url names yours), tenants and their priorities
  --data-dir DIR     where the database lives
                     (default: ${usualDataDir})
  --force            replaces FILE
  --help             this text

Exit codes: 0 written, 1 could not be written, 2 wrong usage.`;

interface Wanted {
  readonly file: string;
  readonly edition: Edition;
  readonly dataDir: string;
  readonly replaces: boolean;
}

/** Returns null if help was requested. Throws on wrong usage. */
function readWanted(): Wanted | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      edition: { type: 'string', default: editions[0] },
      'data-dir': { type: 'string', default: usualDataDir },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [file = usualFile, ...more] = positionals;
  if (file === '' || more.length > 0) throw new Error('give one FILE, or none (--help tells more)');
  const edition = editions.find(name => name === values.edition);
  if (edition === undefined) throw new Error(`--edition must be ${editions.join(' or ')}`);
  if (values['data-dir'] === '') throw new Error('--data-dir must name a folder');
  return { file: resolve(file), edition, dataDir: resolve(values['data-dir']), replaces: values.force };
}

const template = fileURLToPath(new URL('../../config/setting.ini', import.meta.url));

/** config/setting.ini, which a test compares with the table of all settings, with these values. Throws `ConfigFaults`. */
function settingsText({ edition, dataDir }: Wanted): string {
  const values: Record<string, string> = { edition, data_dir: dataDir };
  const text = readFileSync(template, 'utf8').replace(
    /^(edition|data_dir) = .*$/gm,
    (_, key: string) => `${key} = ${valueAsWritten(values[key] ?? '')}`,
  );
  loadConfig({ file: null, text, env: {}, isTerminal: false });
  return text;
}

/** Readable by its owner only, because keys may be added. A file that is replaced keeps its owner and its mode. */
function write({ file, replaces }: Wanted, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const before = replaces ? contentOf(file) : null;
    try {
      writeFileSync(file, text, { flag: replaces ? 'w' : 'wx', mode: 0o600, flush: true });
    } catch (error) {
      // It is open, and the disk is full: half a file would be taken for a whole one.
      if ((error as NodeJS.ErrnoException).syscall !== 'open') restore(file, before);
      throw error;
    }
  } catch (error) {
    throw new Error(reasonOf(error as NodeJS.ErrnoException, file), { cause: error });
  }
}

/** Null: there is no such file. */
const contentOf = (file: string): Buffer | null =>
  statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : null;

function restore(file: string, before: Buffer | null): void {
  if (before !== null) writeFileSync(file, before);
  else if (statSync(file).isFile()) rmSync(file);
}

function reasonOf({ code, syscall, message }: NodeJS.ErrnoException, file: string): string {
  if (code === 'EEXIST' && syscall === 'open')
    return `${file} is there already, and is left as it is: --force replaces it`;
  if (code === 'EISDIR') return `${file} is a folder: name a file in it`;
  return `${file} cannot be written: ${message}`;
}

function told({ file, edition, dataDir }: Wanted): string {
  const firstStart = {
    personal: 'The first start prints an admin key, once.',
    team: 'The first start makes a PostgreSQL database there, unless [database] url names yours, and prints an admin key, once.',
  };
  return [
    `Written: ${file}`,
    `The ${edition} edition, with its data in ${dataDir}. Start it with`,
    '',
    `  ${commandLine('start', `--config ${shellWord(file)}`)}`,
    '',
    firstStart[edition],
  ].join('\n');
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

function fail<Code extends 1 | 2>(code: Code, error: unknown): Code {
  console.error(`gatewayd init: ${error instanceof Error ? error.message : String(error)}`);
  return code;
}

/** The exit code. */
function main(): 0 | 1 | 2 {
  let wanted: Wanted | null;
  let text: string;
  try {
    wanted = readWanted();
    text = wanted === null ? '' : settingsText(wanted);
  } catch (error) {
    return fail(2, error);
  }
  try {
    if (wanted !== null) write(wanted, text);
  } catch (error) {
    return fail(1, error);
  }
  console.log(wanted === null ? help : told(wanted));
  return 0;
}

process.exitCode = main();
