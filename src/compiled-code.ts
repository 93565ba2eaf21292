import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Beside the libraries: whoever may write there may replace the program as well. */
const directory = fileURLToPath(new URL('../node_modules/.cache/compiled-code', import.meta.url));

/**
 * Has Node keep what it compiles for the next start, which then takes half the CPU time and some 30 MiB less memory,
 * because no type has to be stripped. To be called before the rest is loaded. Where the directory cannot be written,
 * nothing is kept.
 */
export function reuseCompiledCode(): void {
  enableCompileCache(directory);
}

/** To be called once all is loaded: a process that is killed keeps nothing by itself. */
export function keepCompiledCode(): void {
  flushCompileCache();
}
