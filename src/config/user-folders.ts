import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The folders of a user for this product, by the XDG Base Directory Specification: relative paths count as not set. */
export function userFolders(env: Environment): { readonly config: string; readonly data: string } {
  const home = env.HOME || knownHome();
  const folder = (given: string | undefined, usual: string) =>
    join(given !== undefined && isAbsolute(given) ? given : join(home, usual), 'tokligence');
  return { config: folder(env.XDG_CONFIG_HOME, '.config'), data: folder(env.XDG_DATA_HOME, '.local/share') };
}

/** An account without an entry in /etc/passwd, as containers may have, has the home that Docker gives it. */
function knownHome(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
