/**
 * Carries out a Dockerfile without an engine: the instructions of its first stage on a copy of this machine's file tree, and
 * those of the last on an empty one, to which the libraries that the base image has are added. Needs root, namespaces and an
 * overlay file system. The base images themselves are not tried by this.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { root } from './accounts.ts';

export interface Image {
  /** Its file tree. */
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  remove(): Promise<void>;
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** In stages, each of which begins with FROM. */
export function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const lines = dockerfile.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ');
  for (const [, name = '', rest = ''] of lines.matchAll(/^([A-Z]+) +(.*)$/gm)) {
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/** Why none can be built here; false: it can. */
export const withoutNamespaces =
  spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status !== 0 &&
  'needs root and namespaces (unshare) on this machine';

/** The instruction's last words of a stage, as JSON. */
const listOf = (stage: readonly Instruction[], name: string): string[] => {
  const rest = stage.findLast(instruction => instruction.name === name)?.rest ?? '[]';
  return JSON.parse(rest.slice(rest.indexOf('[')));
};

export async function buildImage(dockerfile: string): Promise<Image> {
  // On a disk: what is installed for the build is large.
  const place = await mkdtemp('/var/tmp/image-');
  const [build = [], last = []] = stagesOf(readFileSync(join(root, dockerfile), 'utf8'));
  const context = join(place, 'context');
  copyContext(context, readFileSync(join(root, `${dockerfile}.dockerignore`), 'utf8'));
  const built = buildStage(place, context, build);
  const tree = join(place, 'root');
  mkdirSync(tree);
  for (const { name, rest } of last) if (name === 'COPY') copyInto(tree, built, rest);
  const entrypoint = listOf(last, 'ENTRYPOINT');
  addLibraries(tree, entrypoint[0] ?? '');
  for (const folder of ['proc', 'tmp', 'dev']) mkdirSync(join(tree, folder), { recursive: true });
  const words = last.filter(({ name }) => name === 'ENV').flatMap(({ rest }) => rest.trim().split(/\s+/));
  return {
    root: tree,
    entrypoint,
    cmd: listOf(last, 'CMD'),
    healthcheck: listOf(last, 'HEALTHCHECK'),
    env: Object.fromEntries(words.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])),
    workdir: last.findLast(({ name }) => name === 'WORKDIR')?.rest ?? '/',
    remove: () => rm(place, { recursive: true, force: true }),
  };
}

/** `.dockerignore` here excludes all, lets in some, and excludes parts of these again. */
function copyContext(to: string, ignore: string): void {
  const lines = ignore.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const excluded = lines.filter(line => !line.startsWith('!') && line !== '*');
  const isExcluded = (path: string) =>
    excluded.some(
      line =>
        path === line ||
        path.startsWith(`${line}/`) ||
        (line.startsWith('**/') && `/${path}/`.includes(`/${line.slice(3)}/`)),
    );
  for (const line of lines.filter(line => line.startsWith('!')))
    cpSync(join(root, line.slice(1)), join(to, line.slice(1)), {
      recursive: true,
      filter: path => !isExcluded(path.slice(root.length + 1)),
    });
}

/** Returns the folder that has what the stage has made. */
function buildStage(place: string, context: string, stage: readonly Instruction[]): string {
  const [upper, work, merged] = [join(place, 'upper'), join(place, 'work'), join(place, 'merged')];
  for (const folder of [upper, work, merged]) mkdirSync(folder);
  let workdir = '/';
  for (const { name, rest } of stage) {
    if (name === 'WORKDIR') {
      workdir = rest.trim();
      mkdirSync(join(upper, workdir), { recursive: true });
    } else if (name === 'COPY') {
      const words = rest.trim().split(/\s+/);
      const to = join(upper, workdir, words.at(-1) ?? '');
      for (const from of words.slice(0, -1)) copy(join(context, from), to);
    } else if (name === 'RUN') {
      const mounts =
        `mount -t overlay overlay -o lowerdir=/,upperdir=${upper},workdir=${work} ${merged} && ` +
        `mount --bind /dev ${merged}/dev && mount -t proc proc ${merged}/proc`;
      const args = ['--mount', 'sh', '-ec', `${mounts} && exec chroot ${merged} sh -ec "cd ${workdir}; $0"`, rest];
      execFileSync('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 });
    }
  }
  return upper;
}

/** A folder's content goes into the target; a file becomes it, or keeps its name where the target ends with a slash. */
function copy(from: string, to: string): void {
  const isInto = to.endsWith('/');
  if (statSync(from).isDirectory()) {
    mkdirSync(to, { recursive: true });
    execFileSync('cp', ['-a', `${from}/.`, to]);
  } else {
    mkdirSync(isInto ? to : dirname(to), { recursive: true });
    execFileSync('cp', ['-a', from, isInto ? join(to, basename(from)) : to]);
  }
}

function copyInto(tree: string, built: string, rest: string): void {
  const words = rest.trim().split(/\s+/);
  const owner = words.find(word => word.startsWith('--chown='))?.slice('--chown='.length);
  const paths = words.filter(word => !word.startsWith('--'));
  for (const from of paths.slice(0, -1)) {
    const source = join(built, from);
    if (owner !== undefined) execFileSync('chown', ['-R', owner, source]);
    copy(source, tree + (paths.at(-1) ?? ''));
  }
}

/** What distroless/cc has of these: the C and C++ libraries, and the loader. */
function addLibraries(tree: string, program: string): void {
  const listed = execFileSync('ldd', [realpathSync(join(tree, program))], { encoding: 'utf8' });
  for (const [, path = ''] of listed.matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    cpSync(realpathSync(path), join(tree, path));
  }
}
