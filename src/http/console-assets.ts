import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** One encoding of an asset. */
interface Variant {
  /** Null: not encoded. */
  readonly encoding: 'br' | 'gzip' | null;
  readonly etag: string;
  readonly bytes: Buffer;
}

interface Asset {
  readonly type: string;
  /** The smallest first; the last one is not encoded. */
  readonly variants: readonly Variant[];
}

/** By file name. */
export type Assets = ReadonlyMap<string, Asset>;

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
};
const encodings = [
  { encoding: 'br', ending: '.br' },
  { encoding: 'gzip', ending: '.gz' },
] as const;

/**
 * Reads all files of the folder into memory. If they were read from disk for each request, a client could hold an open
 * file of ours at no cost, for as long as it does not read the answer.
 */
export function readAssets(folder: string): Assets {
  const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile());
  const names = new Set(files.map(({ name }) => name).filter(name => !name.startsWith('.')));
  const variant = (name: string, encoding: Variant['encoding']): Variant => {
    const bytes = readFileSync(join(folder, name));
    return { encoding, bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` };
  };
  const assets = new Map<string, Asset>();
  for (const name of names) {
    if (encodings.some(({ ending }) => name.endsWith(ending))) continue;
    const compressed = encodings
      .filter(({ ending }) => names.has(name + ending))
      .map(({ encoding, ending }) => variant(name + ending, encoding));
    const type = types[extname(name)] ?? 'application/octet-stream';
    assets.set(name, { type, variants: [...compressed, variant(name, null)] });
  }
  return assets;
}

/** Returns the first variant that the client's Accept-Encoding allows. */
export function variantFor({ variants }: Asset, acceptEncoding: string): Variant | undefined {
  const taken = acceptEncoding
    .toLowerCase()
    .split(',')
    .map(part => part.trim())
    .filter(part => !/;\s*q=0(\.0*)?$/.test(part))
    .map(part => part.split(';')[0]?.trim());
  return variants.find(({ encoding }) => encoding === null || taken.includes(encoding));
}
