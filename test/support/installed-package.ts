/** The package as npm makes it of this checkout, and as it lies below somebody's node_modules. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './accounts.ts';

export interface Packed {
  /** The paths in the package. */
  readonly files: readonly string[];
  /** Where it is unpacked: a folder of that name below a `node_modules`. */
  readonly folder: string;
  readonly unpackedBytes: number;
  remove(): Promise<void>;
}

/** What npm must leave out, although it lies where it packs. */
const decoys = ['test/a.test.ts', 'bench/run.ts', 'data/gateway.db', '.env', 'dist/a.js.map', 'dist/a.d.ts'];

/**
 * Builds and packs in a folder of its own, because a checkout may be read-only, and unpacks it beside the libraries of
 * this checkout that are installed with it. Without network.
 */
export async function packAndUnpack(): Promise<Packed> {
  const place = await mkdtemp(join(tmpdir(), 'installed-package-'));
  const stage = join(place, 'stage');
  await copyWithBuild(stage);
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--cache', join(place, 'npm'), '--pack-destination', place],
    { cwd: stage },
  );
  const [packed] = Object.values(JSON.parse(stdout)) as any[];
  const folder = join(place, 'node_modules', packed.name);
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', join(place, packed.filename), '--strip-components=1', '-C', folder]);
  linkLibraries(place);
  return {
    files: packed.files.map(({ path }: { path: string }) => path),
    folder,
    unpackedBytes: packed.unpackedSize,
    remove: () => rm(place, { recursive: true, force: true }),
  };
}

async function copyWithBuild(stage: string): Promise<void> {
  const parts = [
    'package.json',
    'README.md',
    'README.zh-CN.md',
    'CHANGELOG.md',
    'LICENSE',
    'bin',
    'config',
    'ui/dist',
    'ui/build.js',
  ];
  for (const path of parts) cpSync(join(root, path), join(stage, path), { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const project = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(stage, 'dist')];
  await promisify(execFile)(process.execPath, [tsc, ...project]);
  for (const path of decoys) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    writeFileSync(join(stage, path), 'secret');
  }
}

/** Those that an installation without development dependencies has, as links in `node_modules` of this folder. */
export function linkLibraries(folder: string): void {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const isTopLevel = (path: string) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path);
  for (const [path, { dev }] of Object.entries<{ dev?: boolean }>(packages)) {
    if (!isTopLevel(path) || dev || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(root, path), join(folder, path));
  }
}
