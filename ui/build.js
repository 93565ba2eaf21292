// `npm ci` builds the console if its tools are installed, and so does the first `npx gateway` of an account: a build that
// is up to date is left alone, because a gateway may serve it now. Plain JavaScript, which every Node that npm supports can run.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Written last: without it a build is not whole. */
const stamp = join(import.meta.dirname, 'dist/.vite/whole');

const vite = await import('vite').catch(ifAbsent);
if (vite === null)
  console.log(
    'The console is not built: vite is not installed (it is a development dependency). With a console: npm ci && npm prune --omit=dev',
  );
else if (!isUpToDate()) {
  await vite.build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
  compressAll(join(import.meta.dirname, 'dist/assets'));
  writeFileSync(stamp, '');
}

/** Whether the last build is whole and younger than all that it was made of. */
function isUpToDate() {
  const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(join(import.meta.dirname, 'src'), { recursive: true }).map(name => join('src', name));
  const own = readdirSync(import.meta.dirname).filter(name => name.includes('.'));
  const made = [...sources, ...own, '../package.json', '../package-lock.json'];
  return made.every(name => statSync(join(import.meta.dirname, name)).mtimeMs < built);
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
