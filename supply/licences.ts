// `npm run licences`: fails if a package has a licence that is not allowed. `-- FOLDER` checks another folder.
import { fileURLToPath } from 'node:url';
import { faultsOf } from './licence-rules.ts';
import { readPackages } from './packages.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
try {
  const packages = readPackages(folder);
  for (const fault of faultsOf(packages)) fail(`${fault}; the lists are in supply/licence-rules.ts`);
  const shipped = packages.filter(({ isShipped }) => isShipped).length;
  if (shipped === 0) fail(`${folder} ships no package, which cannot be`);
  console.log(`licences: looked at ${shipped} packages that are shipped and ${packages.length - shipped} tools`);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

function fail(text: string): void {
  console.error(`licences: ${text}`);
  process.exitCode = 1;
}
