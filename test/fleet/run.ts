/**
 * `npm run test:fleet`: whole gateways as one, with real processes, a real PostgreSQL and real sockets, under the faults
 * of docs/fleet.md. One file after the other, each in a process of its own, as they measure times.
 */
import { globSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { startTestServer } from '../support/postgres.ts';
import { temporaryFolder } from '../support/surroundings.ts';
import { Table } from './table.ts';

const help = `Usage: npm run test:fleet [-- --only NAME[,NAME]]

NAME: a file of test/fleet, as "kills"; all without it (a quarter of an hour). Prints every figure with its bound at the end, and
exits with 1 if a case failed or a figure is out of its bound.`;

/** A case waits for the longest times of a fleet, one after the other. */
const caseLimitMs = 600_000;

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, help: { type: 'boolean', default: false } },
});

const nameOf = (file: string) => basename(file, '.test.ts');

function chosenFiles(): string[] {
  const all = globSync('test/fleet/*.test.ts').sort();
  const only = values.only.split(',').filter(name => name !== '');
  const unknown = only.find(name => !all.some(file => nameOf(file) === name));
  if (unknown !== undefined) throw new Error(`--only takes of ${all.map(nameOf).join(', ')}; there is no ${unknown}`);
  return only.length === 0 ? all : all.filter(file => only.includes(nameOf(file)));
}

async function main(): Promise<void> {
  const files = chosenFiles();
  process.env.TMPDIR = await temporaryFolder();
  process.env.NODE_COMPILE_CACHE ??= join(process.env.TMPDIR, 'compiled');
  const server = await startTestServer();
  process.env.TOKLIGENCE_TEST_POSTGRES_URL = server.url;
  const startedAt = performance.now();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
  );
  console.log(`${files.length} files: ${files.map(nameOf).join(', ')}`);
  const table = new Table();
  const stream = run({ files, concurrency: 1, timeout: 2 * caseLimitMs, execArgv: [`--test-timeout=${caseLimitMs}`] });
  // A case may be defined in another file than the one that runs.
  let running = '';
  stream.on('test:dequeue', ({ name, nesting }) => {
    if (name.endsWith('.test.ts')) running = nameOf(name);
    else if (nesting === 0) console.log(`${minutes(startedAt)}  ${running}: ${name}`);
  });
  stream.on('test:diagnostic', ({ message }) => table.diagnosed(running, message));
  stream.on('test:pass', ({ name, skip }) => table.ended(running, name, skip === undefined ? 'ok' : 'skipped'));
  stream.on('test:fail', ({ name }) => table.ended(running, name, 'not ok'));
  stream.compose(new spec()).pipe(process.stdout);
  await new Promise(resolve => stream.once('end', resolve));
  await server.stop();
  console.log(`\n${table.lines().join('\n')}`);
  console.log(`${minutes(startedAt)} min: ${table.summary}`);
  process.exitCode = table.isSound ? 0 : 1;
}

const minutes = (startedAt: number): string => ((performance.now() - startedAt) / 60_000).toFixed(1).padStart(5);

if (values.help) console.log(help);
else {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
