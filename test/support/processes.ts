/** The processes of a run: most files share one with others of their kind, as each would load the whole gateway anew. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const kinds = ['e2e', 'integration', 'unit'] as const;

/** So many that the start of a process costs little, and so few that no core idles before the end of the run. */
const filesEach = 8;

/** The line of a file that measures or changes its process, or mostly waits for others. */
const alone = /^\/\/ In a process of its own: \S/m;
const waiting = /^\/\/ In a process of its own: it mostly waits /m;

/** The files that keep a core busy, and those that mostly wait: beside each other they take the time of one of the two. */
export function lanesOf(files: readonly string[]): { readonly busy: string[]; readonly waiting: string[] } {
  const waits = new Set(files.filter(file => waiting.test(readFileSync(file, 'utf8'))));
  return { busy: files.filter(file => !waits.has(file)), waiting: [...waits] };
}

/**
 * Divides files into those that share a process. What takes longest comes first: the browser and what runs alone, then
 * the largest groups.
 */
export function divided(files: readonly string[]): string[][] {
  const bytes = new Map(files.map(file => [file, statSync(file).size]));
  const bytesOf = (...of: string[]) => of.reduce((sum, file) => sum + (bytes.get(file) ?? 0), 0);
  const byKind = Map.groupBy(
    files.toSorted((one, other) => bytesOf(other) - bytesOf(one)),
    kindOf,
  );
  const groups = [...byKind].flatMap(([kind, ofKind]) => (kind === null ? ofKind.map(file => [file]) : dealt(ofKind)));
  const isSlow = ([file = '']: string[]) => [null, 'e2e'].includes(kindOf(file));
  return groups.sort(
    (one, other) => Number(isSlow(other)) - Number(isSlow(one)) || bytesOf(...other) - bytesOf(...one),
  );
}

/** Returns null for a file that gets a process of its own. */
function kindOf(file: string): (typeof kinds)[number] | null {
  const kind = kinds.find(one => resolve(file).includes(join('/', 'test', one, '/')));
  return kind === undefined || alone.test(readFileSync(file, 'utf8')) ? null : kind;
}

/** Deals them like cards, so that each process gets large and small ones. */
function dealt(files: readonly string[]): string[][] {
  const processes = Math.ceil(files.length / filesEach);
  return Array.from({ length: processes }, (_, process) => files.filter((_, index) => index % processes === process));
}

const endsWhole = new URL('ends-whole.ts', import.meta.url).href;

/** Returns one file to run for each process: it imports the files that share it. Each folder is one call's. */
export function joined(folder: string, groups: readonly (readonly string[])[]): string[] {
  mkdirSync(folder, { recursive: true });
  return groups.map((files, index) => {
    const path = join(folder, `${index}.test.mjs`);
    const urls = [endsWhole, ...files.map(file => pathToFileURL(resolve(file)).href)];
    writeFileSync(path, urls.map(url => `import ${JSON.stringify(url)};\n`).join(''));
    return path;
  });
}
