/**
 * `npm run test:package`: packs this checkout and installs the package for all users of a machine, as
 * `npm install -g` does, into an empty folder, by the npm and the Node that come first on PATH beside those of the
 * checkout. Needs the network, or npm's cache, for the libraries.
 */
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** An installation takes as long as the network does. */
const caseLimitMs = 600_000;

const stream = run({
  files: ['test/package/global-install.test.ts'],
  timeout: 2 * caseLimitMs,
  execArgv: [`--test-timeout=${caseLimitMs}`],
});
let failed = 0;
let passed = 0;
stream.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed++;
});
stream.on('test:fail', () => failed++);
stream.compose(new spec()).pipe(process.stdout);
await new Promise(resolve => stream.once('end', resolve));
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
