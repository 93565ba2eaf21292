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
  const [server] = await Promise.all([startTestServer(), buildConsole()]);
  process.env.TOKLIGENCE_TEST_POSTGRES_URL = server.url;
  const events = new PassThrough({ objectMode: true });
  const report = events.compose(new spec());
  report.pipe(process.stdout);
  const { passed, failed } = await runLanes(events);
  events.end();
  await once(report, 'end');
  await server.stop();
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** The browser must load the console of the present sources; `npm ci` may have built earlier ones. */
async function buildConsole(): Promise<void> {
  if (files.some(file => file.startsWith(join('test', 'e2e'))))
    await promisify(execFile)(process.execPath, ['ui/build.js']);
}

/** Each lane has processes of its own; once its files are under way, they take those of the other: no core idles. */
async function runLanes(events: PassThrough): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  const { busy, waiting } = filesOfProcesses();
  const takeFrom = async (own: string[], other: string[]) => {
    for (let file = own.shift() ?? other.shift(); file !== undefined; file = own.shift() ?? other.shift())
      await runProcess(file, events, counts);
  };
  await Promise.all([
    ...Array.from({ length: busyProcesses }, () => takeFrom(busy, waiting)),
    ...Array.from({ length: waitingProcesses }, () => takeFrom(waiting, busy)),
  ]);
  return counts;
}

/** One file for each process, those that take longest first. */
function filesOfProcesses(): { busy: string[]; waiting: string[] } {
  const { busy, waiting } = lanesOf(files);
  const of = (lane: string, files: readonly string[]) =>
    joined(join(process.env.TMPDIR ?? '', 'processes', lane), divided(files));
  return { busy: of('busy', busy), waiting: of('waiting', waiting) };
}

async function runProcess(
  file: string,
  events: PassThrough,
  counts: { passed: number; failed: number },
): Promise<void> {
  const tests = run({ files: [file], timeout: processLimitMs, execArgv: [`--test-timeout=${testLimitMs}`] });
  tests.on('test:pass', ({ details, skip }) => {
    if (details.type !== 'suite' && !skip) counts.passed++;
  });
  tests.on('test:fail', ({ details }) => {
    if (details.type !== 'suite') counts.failed++;
  });
  // The reporter takes what comes between the start and the end of a test for a part of it: they come in one piece.
  const held: TestEvent[] = [];
  const tell = () => {
    for (const event of held.splice(0)) events.write(event);
  };
  tests.on('data', (event: TestEvent) => {
    if (!isSumOfProcess(event)) held.push(event);
    if ((event.type === 'test:pass' || event.type === 'test:fail') && event.data.nesting === 0) tell();
  });
  await once(tests, 'end');
  tell();
}

interface TestEvent {
  readonly type: string;
  readonly data: { readonly file?: string; readonly nesting?: number };
}

/** The counts of one process would hide those of the whole run. */
function isSumOfProcess({ type, data }: TestEvent): boolean {
  return (type === 'test:summary' || type === 'test:diagnostic') && data.file === undefined;
}
