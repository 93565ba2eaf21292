import { mkdirSync } from 'node:fs';

/**
 * Makes the folder of `data_dir` where there is none, for our eyes only. As root, the embedded PostgreSQL may have to run
 * as another account: it passes through to the folder that is its own, and can list nothing. All files are closed by modes
 * of their own.
 */
export const makeDataDir = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
};
