/**
 * The engine: node-llama-cpp, which is llama.cpp as a prebuilt library for Node. It is installed on demand into a folder of
 * its own below the system's temporary one, and used again from there. It is no dependency, so that nobody else
 * downloads its 83 MB.
 */
import { spawn } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const engine = 'node-llama-cpp';
export const version = '3.21.1';
/** npm takes no package that was published later, so all that the engine needs has a fixed version, too. */
const asOf = '2026-11-30';

/** The prebuilt libraries that need neither a compiler nor a graphics card. */
const libraries: Readonly<Record<string, string>> = {
  'linux-x64': '@node-llama-cpp/linux-x64',
  'linux-arm64': '@node-llama-cpp/linux-arm64',
};

/** A reason why there is no engine that is told without a stack. */
export class NoEngine extends Error {}

export interface Installation {
  /** Has `node_modules` with the engine in it. */
  readonly folder: string;
  /** Such as linux-x64. */
  readonly platform: string;
  /** Runs npm with these arguments. */
  readonly npm: (args: readonly string[]) => Promise<NpmEnd>;
  readonly tell: (line: string) => void;
}

export interface NpmEnd {
  readonly code: number | null;
  readonly errors: string;
}

export const onThisMachine = (tell: (line: string) => void): Installation => ({
  folder: join(tmpdir(), `gateway-bench-${engine}-${version}-${process.getuid?.()}`),
  platform: `${process.platform}-${process.arch}`,
  npm: args => runNpm(args, tell),
  tell,
});

/** Returns the folder. Installs into another one and renames that, so a folder of this name is complete. */
export async function install({ folder, platform, npm, tell }: Installation): Promise<string> {
  const library = libraries[platform];
  if (library === undefined) {
    throw new NoEngine(`There is no engine for ${platform}, only for ${Object.keys(libraries).join(' and ')}.`);
  }
  if (isInstalled(folder, library)) return folder;
  tell(`Installing ${engine} ${version} into ${folder}: 83 MB, once`);
  const startedAt = performance.now();
  const fresh = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(fresh, 'package.json'), '{"private":true}');
    const { code, errors } = await npm(npmArguments(fresh, library));
    if (code !== 0) throw new NoEngine(notInstalled(errors));
    if (!isInstalled(fresh, library)) throw new NoEngine(notInstalled(`npm installed no ${library}`));
    // Another run may have been faster, and use its own by now.
    if (!isInstalled(folder, library)) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  tell(`Installed in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  return folder;
}

/** No scripts of packages run, and nothing is compiled. */
export const npmArguments = (folder: string, library: string): string[] => [
  'install',
  `--prefix=${folder}`,
  '--ignore-scripts',
  '--omit=optional',
  '--save-exact',
  `--before=${asOf}`,
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  `${engine}@${version}`,
  `${library}@${version}`,
];

/**
 * Whether both packages are there. Throws if the folder is not this user's: anyone can create one in the temporary folder,
 * and its code would run as this user.
 */
function isInstalled(folder: string, library: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new NoEngine(`${folder} is not a folder that only you can write to. Delete it, or set TMPDIR.`);
  }
  return [engine, library].every(name => versionOf(join(folder, 'node_modules', name, 'package.json')) === version);
}

function versionOf(file: string): string | null {
  try {
    return String(JSON.parse(readFileSync(file, 'utf8')).version);
  } catch {
    return null;
  }
}

const notInstalled = (errors: string): string =>
  `${engine} ${version} could not be installed. It is needed once, from the npm registry:\n${errors.trim()}`;

/** `npm run` tells where npm is; other programs tell where they are themselves. */
function runNpm(args: readonly string[], tell: (line: string) => void): Promise<NpmEnd> {
  const script = process.env.npm_execpath ?? '';
  const [command, before] = basename(script) === 'npm-cli.js' ? [process.execPath, [script]] : ['npm', []];
  const startedAt = performance.now();
  const progress = setInterval(() => tell(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`), 5_000);
  return new Promise<NpmEnd>(resolve => {
    let errors = '';
    const child = spawn(command, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', piece => {
      errors = (errors + piece).slice(-2_000);
    });
    child.on('error', error => resolve({ code: null, errors: error.message }));
    child.on('close', code => resolve({ code, errors }));
  }).finally(() => clearInterval(progress));
}
