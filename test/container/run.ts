/**
 * `npm run test:container`: carries out deploy/Dockerfile without an engine, and runs what it makes as an orchestrator would.
 * Needs root, namespaces (unshare), the network or npm's cache for the libraries, and 2 GB in /var/tmp.
 */
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { startTestServer } from '../support/postgres.ts';

const limitMs = 600_000;

const server = await startTestServer();
process.env.TOKLIGENCE_TEST_POSTGRES_URL = server.url;
const stream = run({
  files: ['test/container/image.test.ts'],
  timeout: 2 * limitMs,
  execArgv: [`--test-timeout=${limitMs}`],
});
let failed = 0;
let passed = 0;
stream.on('test:pass', () => passed++);
stream.on('test:fail', () => failed++);
stream.compose(new spec()).pipe(process.stdout);
await new Promise(resolve => stream.once('end', resolve));
await server.stop();
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
