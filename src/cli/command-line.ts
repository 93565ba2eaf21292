/** How users start the programs: by npm in a checkout, by `gatewayd` where the package is installed. */

/** A checkout runs its sources, an installed package JavaScript. */
export const isInstalled = import.meta.filename.endsWith('.js');

/** The words to type, for help and hints. */
export function commandLine(program: 'start' | 'quickstart' | 'sql', options = ''): string {
  const words = isInstalled ? installedWords[program] : checkoutWords[program];
  if (options === '') return words;
  return isInstalled ? `${words} ${options}` : `${words} -- ${options}`;
}

const installedWords = { start: 'gatewayd', quickstart: 'gatewayd quickstart', sql: 'gatewayd sql' };
const checkoutWords = { start: 'npm start', quickstart: 'npm run quickstart', sql: 'npm run sql' };
