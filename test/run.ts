// `npm test`: runs every test file against one embedded PostgreSQL, and prints a summary.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { promisify } from 'node:util';
import { startTestServer } from './support/postgres.ts';
import { divided, joined, lanesOf } from './support/processes.ts';
import { runElsewhere, temporaryFolder } from './support/surroundings.ts';

/** A test may take this long if it names no limit itself, and all tests of a process together. */
const testLimitMs = 120_000;
const processLimitMs = 600_000;

/** Tests wait for timers, sockets and databases: more processes than cores keep the cores busy. */
const busyProcesses = availableParallelism() + 1;
const waitingProcesses = availableParallelism();

const patterns = process.argv.slice(2);
const files = globSync(patterns.length > 0 ? patterns : ['test/{unit,integration,e2e}/**/*.test.ts']).sort();
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(1);
}

process.env.TMPDIR = await temporaryFolder();
// Tests run in several processes, and many start further ones: they share one cache of compiled modules.
process.env.NODE_COMPILE_CACHE ??= join(process.env.TMPDIR, 'compiled');
// Tests read the output of programs; the first Node 24, which Apple silicon gets, prints warnings about its own parts.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --disable-warning=ExperimentalWarning`.trim();
process.exitCode = (await runElsewhere(patterns)) ?? (await runHere());

async function runHere(): Promise<number> {
  // The browser must load the console of the present sources; `npm ci` may have built earlier ones.
  if (files.some(file => file.startsWith(join('test', 'e2e'))))
    await promisify(execFile)(process.execPath, ['ui/build.js']);
  const server = await startTestServer();
  process.env.TOKLIGENCE_TEST_POSTGRES_URL = server.url;
  let passed = 0;
  let failed = 0;
  const { busy, waiting } = lanesOf(files);
  const lanes = [runLane('busy', busy, busyProcesses), runLane('waiting', waiting, waitingProcesses)];
  const events = new PassThrough({ objectMode: true });
  const ended = Promise.all(
    lanes.map(lane =>
      once(
        lane.on('data', event => events.write(event)),
        'end',
      ),
    ),
  );
  for (const lane of lanes) {
    lane.on('test:pass', event => {
      if (event.details.type !== 'suite' && !event.skip) passed++;
    });
    lane.on('test:fail', event => {
      if (event.details.type !== 'suite') failed++;
    });
  }
  const report = events.compose(new spec());
  report.pipe(process.stdout);
  await ended;
  events.end();
  await once(report, 'end');
  await server.stop();
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** An empty lane ends at once. */
function runLane(name: string, files: readonly string[], concurrency: number) {
  return run({
    files: joined(join(process.env.TMPDIR ?? '', 'processes', name), divided(files)),
    concurrency,
    timeout: processLimitMs,
    execArgv: [`--test-timeout=${testLimitMs}`],
  });
}
