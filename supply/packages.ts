/** What the gateway is made of besides its own code: the packages of the lock file, and which of them are shipped. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Package {
  readonly name: string;
  readonly version: string;
  /** Where npm installs it, `node_modules/pg` say. */
  readonly path: string;
  /** Installed for who runs the gateway, on one platform at least, or built into the console. The others are tools. */
  readonly isShipped: boolean;
  /** As subresource integrity, `sha512-…`. */
  readonly integrity: string | null;
  /** What the registry and, where it is installed, the package itself say of its licence. */
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

/** All packages that the lock file of this folder names, for every platform. */
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

/** A package that was updated since would be taken for a tool. */
function refuseOldBuild(console: ReadonlySet<string>, packages: readonly Package[]): void {
  const locked = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  const gone = [...console].filter(name => !locked.has(name));
  if (gone.length === 0) return;
  throw new Error(`the console was built with ${gone.join(', ')}, which the lock file has not: run node ui/build.js`);
}

/** Whose code the build of the console has taken in, `name@version`; vite writes it down. */
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
  /** Of packages older than npm's rule of one expression. */
  readonly licenses?: unknown;
}

function installed(manifest: string): Manifest | null {
  try {
    return readJson(manifest) as Manifest;
  } catch {
    // Made for another platform.
    return null;
  }
}

function declaredBy(locked: Locked, manifest: Manifest | null): unknown[] {
  const all = [locked.license, manifest?.license ?? manifest?.licenses].filter(licence => licence !== undefined);
  return [...new Set(all)];
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
