import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { childEnvironment } from '../config/child-environment.ts';
import { namespace } from './embedded/user-namespace.ts';

/**
 * Creates the folder of `data_dir` if it is missing, readable by the owner only. Where root may not use user
 * namespaces, the embedded PostgreSQL must run as another account: that account may pass through to its own folder, but
 * not list this one. All files have restrictive modes of their own.
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
