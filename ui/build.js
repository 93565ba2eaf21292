// `npm ci` builds the console if its tools are installed. Plain JavaScript, which every Node that npm supports can run.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const vite = await import('vite').catch(ifAbsent);
if (vite === null)
  console.log(
    'The console is not built: vite is not installed (it is a development dependency). With a console: npm ci && npm prune --omit=dev',
  );
else {
  await vite.build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
  compressAll(join(import.meta.dirname, 'dist/assets'));
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
