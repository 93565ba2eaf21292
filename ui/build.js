// `npm ci` builds the console if its tools are installed, and so does the first `npx gateway` of an account: a build that
// is up to date is left alone, because a gateway may serve it now. Plain JavaScript, which every Node that npm supports can run.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Written last, with the digest of all that the build was made of: without it a build is not whole. */
const stamp = join(import.meta.dirname, 'dist/.vite/made-of');

const vite = await import('vite').catch(ifAbsent);
if (vite === null)
  console.log(
    'The console is not built: vite is not installed (it is a development dependency). With a console: npm ci && npm prune --omit=dev',
  );
else {
  const digest = sourcesDigest();
  if (digest !== builtDigest()) await build(digest);
}

async function build(digest) {
  await vite.build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
  compressAll(join(import.meta.dirname, 'dist/assets'));
  writeFileSync(stamp, digest);
}

/** By content, since an unpacked release may be older than the build that it replaces. */
function sourcesDigest() {
  const names = readdirSync(import.meta.dirname, { recursive: true }).filter(name => !name.startsWith('dist'));
  const digest = createHash('sha256');
  for (const name of [...names.sort(), '../package.json', '../package-lock.json']) {
    const file = join(import.meta.dirname, name);
    if (statSync(file).isFile()) digest.update(`${name}\0`).update(readFileSync(file));
  }
  return digest.digest('hex');
}

function builtDigest() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
}

/** Returns null if the library is missing; a broken one stops the build. */
function ifAbsent(error) {
  if (error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes("'vite'")) return null;
  throw error;
}

/** Stores each text compressed beside it, so that the gateway never compresses anything itself. */
function compressAll(folder) {
  for (const name of readdirSync(folder).filter(name => /\.(?:js|css|svg)$/.test(name))) {
    const bytes = readFileSync(join(folder, name));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes, { params }));
  }
}
