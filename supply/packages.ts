/**
 * The packages that the gateway consists of besides its own code: those of the lock file, and which of them are
 * shipped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Package {
  readonly name: string;
  readonly version: string;
  /** The folder in which npm installs it, such as `node_modules/pg`. */
  readonly path: string;
  /** Installed with the gateway, on at least one platform, or built into the console. The others are tools. */
  readonly isShipped: boolean;
  /** As subresource integrity, `sha512-…`. */
  readonly integrity: string | null;
  /** The licences declared by the registry and, if it is installed, by the package itself. */
  readonly declared: readonly unknown[];
}

interface Locked {
  readonly version?: string;
  readonly name?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly license?: unknown;
  readonly integrity?: string;
}

/** Returns all packages that the lock file of this folder names, for every platform. */
export function readPackages(folder: string): Package[] {
  const { packages } = readJson(join(folder, 'package-lock.json')) as { packages: Record<string, Locked> };
  const console = builtIntoConsole(folder);
  const all = Object.entries(packages)
    .filter(([path, { link }]) => /(^|\/)node_modules\//.test(path) && !link)
    .map(([path, locked]) => {
      const name = locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const version = locked.version ?? '';
      return {
        name,
        version,
        path,
        isShipped: !locked.dev || console.has(`${name}@${version}`),
        integrity: locked.integrity ?? null,
        declared: declaredBy(locked, installed(join(folder, path, 'package.json'))),
      };
    });
  refuseOldBuild(console, all);
  return all;
}

/** A package that was updated after the build would be classified as a tool. */
function refuseOldBuild(console: ReadonlySet<string>, packages: readonly Package[]): void {
  const locked = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  const gone = [...console].filter(name => !locked.has(name));
  if (gone.length === 0) return;
  throw new Error(`the console was built with ${gone.join(', ')}, which the lock file has not: run node ui/build.js`);
}

/** Returns the packages in the console's build as `name@version`; vite records them. */
function builtIntoConsole(folder: string): Set<string> {
  const file = join(folder, 'ui/dist/.vite/licences.json');
  let entries: { name: string; version: string }[];
  try {
    entries = readJson(file) as typeof entries;
  } catch (error) {
    throw new Error(`${file} cannot be read, which the build of the console makes: run node ui/build.js`, {
      cause: error,
    });
  }
  return new Set(entries.map(({ name, version }) => `${name}@${version}`));
}

interface Manifest {
  readonly license?: unknown;
  /** Present in packages older than npm's rule of one expression. */
  readonly licenses?: unknown;
}

function installed(manifest: string): Manifest | null {
  try {
    return readJson(manifest) as Manifest;
  } catch {
    // For another platform.
    return null;
  }
}

function declaredBy(locked: Locked, manifest: Manifest | null): unknown[] {
  const all = [locked.license, manifest?.license ?? manifest?.licenses].filter(licence => licence !== undefined);
  return [...new Set(all)];
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
