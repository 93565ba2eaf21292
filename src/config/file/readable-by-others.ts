import { statSync } from 'node:fs';

const readableByOthers = 0o004;
/** Matches an ini file that may hold secrets. */
const secrets = /^[ \t]*(?:admin_key|api_key|metrics_key|url|listen_url)[ \t]*=[ \t]*\S/m;

/** Returns a sentence for the log if every account of the machine can read a file with keys or passwords. */
export const readableSentence = (file: string, text: string): string | null => {
  if (process.platform === 'win32' || !secrets.test(text)) return null;
  const { mode } = statSync(file);
  if ((mode & readableByOthers) === 0) return null;
  return `${file} holds keys or passwords and may be read by every account of this machine: chmod o= ${file}`;
};
