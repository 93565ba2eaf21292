import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { childEnvironment } from '../config/child-environment.ts';
import { namespace } from './embedded/user-namespace.ts';

/**
 * Makes the folder of `data_dir` where there is none, for our eyes only. Where root may not use user namespaces, the
 * embedded PostgreSQL has to run as another account: it passes through to the folder that is its own, and can list nothing.
 * All files are closed by modes of their own.
 */
export const makeDataDir = (path: string): void => {
  if (existsSync(path)) return;
  mkdirSync(path, { recursive: true, mode: isRootAlone() ? 0o711 : 0o700 });
};

const isRootAlone = (): boolean => {
  if (process.getuid?.() !== 0) return false;
  const [command, ...args] = [...namespace, 'true'];
  return spawnSync(command, args, { cwd: '/', env: childEnvironment(), stdio: 'ignore' }).status !== 0;
};
