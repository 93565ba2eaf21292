import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createLogger } from '../../../src/telemetry/logger.ts';

const arrange = (options?: { isColoured: boolean }) => {
  const batches: string[] = [];
  const logger = createLogger(
    { level: 'info', format: 'pretty', file: null, accessFile: null, accessSample: {} },
    batch => batches.push(batch),
    options,
  );
  return { logger, batches };
};

test('lines leave together, a tenth of a second after the first', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { logger, batches } = arrange();
  logger.log('info', 'a');
  t.mock.timers.tick(60);
  logger.log('info', 'b');
  assert.deepEqual(batches, []);
  t.mock.timers.tick(40);
  assert.deepEqual(batches, ['[INFO] a\n[INFO] b\n']);
  logger.log('info', 'c');
  t.mock.timers.tick(100);
  assert.deepEqual(batches.slice(1), ['[INFO] c\n']);
});

test('a full buffer is written at once', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { logger, batches } = arrange();
  for (let i = 0; i < 100; i++) logger.append('x'.repeat(999), false);
  assert.equal(batches.length, 1);
  assert.ok((batches[0]?.length ?? 0) < 70_000);
  logger.flush();
  assert.equal(batches.join('').length, 100_000);
});

test('an error is written at once, with what came before it', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { logger, batches } = arrange();
  logger.log('info', 'before');
  logger.error('it broke');
  assert.deepEqual(batches, ['[INFO] before\n[ERROR] it broke\n']);
});

test('closing writes the remaining lines', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { logger, batches } = arrange();
  logger.log('warn', 'last');
  await logger.close();
  assert.deepEqual(batches, ['[WARN] last\n']);
});

test('fields stand after the text as key=value', () => {
  const { logger, batches } = arrange();
  logger.log('info', 'text', { port: 8081, host: '::1', title: 'two words', none: null, is: true });
  logger.flush();
  assert.deepEqual(batches, ['[INFO] text port=8081 host=::1 title="two words" none=null is=true\n']);
});

test('only the bracket is coloured, and only where asked', () => {
  const { logger, batches } = arrange({ isColoured: true });
  logger.log('warn', 'text');
  logger.flush();
  assert.deepEqual(batches, ['\u001b[33m[WARN]\u001b[39m text\n']);
});

test('lines of requests go to a file of their own whatever the level; those of a worker, marked, to its parent', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'access-'));
  t.after(() => rm(folder, { recursive: true }));
  const accessFile = join(folder, 'access.log');
  const config = { level: 'error', format: 'pretty', file: null, accessFile, accessSample: {} } as const;
  const written: string[] = [];
  const sink = (text: string) => written.push(text);
  const worker = createLogger(config, sink, { worker: 1 });
  worker.requests.append('{"of":"a worker"}');
  await worker.close();
  assert.deepEqual(
    [worker.requests.isWritten, worker.requests.format, written.splice(0)],
    [true, 'json', ['={"of":"a worker"}\n']],
  );
  assert.equal(existsSync(accessFile), false);
  const logger = createLogger(config, sink);
  logger.requests.append('{"of":"the parent"}');
  logger.log('info', 'nothing');
  await logger.close();
  assert.deepEqual([await readFile(accessFile, 'utf8'), written], ['{"of":"the parent"}\n', []]);
  assert.equal(createLogger({ ...config, accessFile: null }, sink).requests.isWritten, false);
});

const run = (script: string) => {
  const logger = new URL('../../../src/telemetry/logger.ts', import.meta.url).href;
  const code = `const { createLogger } = await import(${JSON.stringify(logger)}); ${script}`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
};

test('no line is lost when the process exits without closing', async () => {
  const child = run(`
    const logger = createLogger({ level: 'info', format: 'pretty', file: null, accessFile: null, accessSample: {} });
    for (let i = 0; i < 5000; i++) logger.log('info', 'line ' + i);
    process.exit(3);
  `);
  const [lines, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(code, 3);
  assert.equal(lines.split('\n').length, 5001);
  assert.ok(lines.startsWith('[INFO] line 0\n') && lines.endsWith('[INFO] line 4999\n'));
});

test('a reader of the log that goes away does not end the process', async () => {
  const child = run(`
    const logger = createLogger({ level: 'info', format: 'pretty', file: null, accessFile: null, accessSample: {} });
    logger.log('info', 'up');
    logger.flush();
    process.stdin.resume().on('end', async () => {
      for (let i = 0; i < 100; i++) logger.log('info', 'x'.repeat(70000));
      process.stdout.write('others print, too');
      const start = performance.now();
      await logger.close();
      process.exitCode = performance.now() - start < 900 ? 7 : 8;
    });
  `);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.stdin.end();
  const [code] = await once(child, 'exit');
  assert.equal(code, 7);
});
