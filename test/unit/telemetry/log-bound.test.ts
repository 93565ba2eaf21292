// The log keeps lines while writing is impossible, drops further ones, and reports both.
// In a process of its own: it measures how much memory the process uses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { type Gap, LineBuffer, mostHeldBytes } from '../../../src/telemetry/log/line-buffer.ts';
import type { Outlet } from '../../../src/telemetry/log/log-outlet.ts';
import { LogWriter } from '../../../src/telemetry/log/log-writer.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const gapLine = ({ lines, since }: Gap) => `gap of ${lines} since ${since.getTime()}`;
const dropped = (text: string) =>
  [...text.matchAll(/^gap of (\d+) since/gm)].reduce((sum, [, lines]) => sum + Number(lines), 0);

/** An outlet that takes as many bytes as allowed, and keeps them. */
const arrangeOutlet = () => {
  const outlet = {
    isColoured: false,
    place: null,
    room: 0,
    fault: null as string | null,
    text: '',
    isClosed: false,
    attempts: 0,
    write(bytes: Buffer): number {
      outlet.attempts++;
      if (outlet.fault !== null) throw Object.assign(new Error(outlet.fault), { code: outlet.fault });
      if (outlet.room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
      const taken = bytes.subarray(0, outlet.room);
      outlet.room -= taken.length;
      outlet.text += taken.toString('latin1');
      return taken.length;
    },
    writeNow: (bytes: Buffer) => outlet.write(bytes),
    close() {
      outlet.isClosed = true;
    },
  };
  return outlet;
};

const arrange = (mostBytes?: number) => {
  const clock = new ManualClock();
  const outlet = arrangeOutlet();
  const buffer = new LineBuffer({
    gapLine,
    date: () => clock.date(),
    ...(mostBytes === undefined ? {} : { mostBytes }),
  });
  const writer = new LogWriter({ buffer, outlet, clock });
  const log = (line: string, isImportant = false) => {
    buffer.append(line, isImportant);
    if (buffer.holds === 'chunk') writer.now();
    else writer.soon();
  };
  /** Advances the clock and lets the writer run. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    // As many turns as a write, its retry and the flush after it take.
    for (let i = 0; i < 4; i++) await new Promise(resolve => setImmediate(resolve));
  };
  return { clock, outlet, buffer, writer, log, pass };
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** The bytes that cannot be collected. */
const heldBytes = () => {
  collectGarbage();
  const { external, heapUsed } = process.memoryUsage();
  return external + heapUsed;
};

test('a reader that stands still costs 8 MiB, however much is logged', () => {
  const { log, buffer } = arrange();
  const before = heldBytes();
  const line = 'x'.repeat(1_000);
  for (let i = 0; i < 200_000; i++) log(`${i} ${line}`);
  assert.ok(buffer.dropped > 190_000 && buffer.dropped < 193_000, `${buffer.dropped} of 200,000 dropped`);
  const more = heldBytes() - before;
  assert.ok(more < mostHeldBytes, `${more / 2 ** 20} MiB more`);
});

test('the earliest lines are kept, in order, and one line marks the gap in its place', async () => {
  const { clock, log, outlet, pass } = arrange(10_000);
  clock.advance(500);
  const since = clock.date().getTime();
  for (let i = 0; i < 1_000; i++) log(`line ${i}`);
  outlet.room = 1e9;
  await pass(300);
  await pass(300);
  log('later');
  await pass(300);
  const lines = outlet.text.trimEnd().split('\n');
  const kept = lines.findIndex(line => line.startsWith('gap'));
  assert.ok(kept > 100, outlet.text);
  assert.deepEqual(
    lines.slice(0, kept),
    Array.from({ length: kept }, (_, i) => `line ${i}`),
  );
  assert.deepEqual(lines.slice(kept), [`gap of ${1_000 - kept} since ${since}`, 'later']);
});

test('while ordinary lines are dropped there is room for errors', async () => {
  const { log, outlet, pass } = arrange(10_000);
  for (let i = 0; i < 1_000; i++) log(`line ${i}`);
  for (let i = 0; i < 10; i++) log(`error ${i}`, true);
  outlet.room = 1e9;
  await pass(300);
  assert.match(outlet.text, /error 0\n.*error 9\ngap of \d+ since/s);
});

test('errors have a bound, too', async () => {
  const { log, buffer, outlet, pass } = arrange(10_000);
  for (let i = 0; i < 1_000; i++) log(`error ${i}`, true);
  assert.ok(buffer.dropped > 0);
  outlet.room = 1e9;
  await pass(300);
  assert.ok(outlet.text.length < 10_000);
});

test('a reader that takes a little at a time sees few gaps, not one every other line', async () => {
  const { log, outlet, pass } = arrange(500_000);
  for (let i = 0; i < 40_000; i++) {
    log(`line ${i} ${'x'.repeat(80)}`);
    if (i % 10 !== 0) continue;
    outlet.room += 300;
    await pass(1);
  }
  outlet.room = 1e9;
  await pass(1_000);
  await pass(1_000);
  const lines = outlet.text.trimEnd().split('\n');
  const gaps = lines.filter(line => line.startsWith('gap of')).length;
  assert.ok(gaps > 1 && gaps < 100, `${gaps} gaps`);
  let next = 0;
  for (const line of lines) {
    const [, gap, number] = /^gap of (\d+)|^line (\d+)/.exec(line) ?? [];
    if (number !== undefined) assert.equal(Number(number), next, 'every gap is told of where it is');
    next += Number(gap ?? 1);
  }
  assert.equal(next, 40_000);
});

test('a line larger than the whole buffer is dropped alone and reported', async () => {
  const { log, outlet, pass } = arrange(10_000);
  outlet.room = 1e9;
  log('x'.repeat(100_000));
  await pass(300);
  await pass(300);
  log('after');
  await pass(300);
  assert.match(outlet.text, /^gap of 1 since \d+\nafter\n$/);
});

test('characters of three bytes are counted as such', () => {
  const { log, buffer } = arrange(30_000);
  for (let i = 0; i < 100; i++) log('語'.repeat(100));
  assert.ok(buffer.dropped > 0 && buffer.dropped < 30, String(buffer.dropped));
});

test('a write to a full disk is retried, in the end four times a second, and kept lines are written once there is room', async () => {
  const { log, outlet, pass } = arrange();
  outlet.room = 1e9;
  outlet.fault = 'ENOSPC';
  log('before');
  for (let i = 0; i < 100; i++) await pass(100);
  assert.ok(outlet.attempts > 20 && outlet.attempts < 60, `${outlet.attempts} attempts in 10 s`);
  outlet.fault = null;
  log('after');
  await pass(250);
  await pass(100);
  assert.equal(outlet.text, 'before\nafter\n');
});

test('a new file begins with a whole line: the one of which the old file has half', async () => {
  const { log, outlet, writer, pass } = arrange();
  outlet.room = 15;
  for (const line of ['line one', 'line two', 'line three']) log(line);
  await pass(150);
  assert.equal(outlet.text, 'line one\nline t');
  const next = arrangeOutlet();
  next.room = 1e9;
  writer.moveTo(next);
  await pass(250);
  assert.equal(next.text, 'line two\nline three\n');
  assert.ok(outlet.isClosed && !next.isClosed);
});

/** Events of a log, in any order. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ lines: fc.integer({ min: 1, max: 60 }), isImportant: fc.boolean() }) },
    { weight: 6, arbitrary: fc.record({ room: fc.integer({ min: 1, max: 3_000 }) }) },
    { weight: 1, arbitrary: fc.record({ fault: fc.constantFrom('ENOSPC', 'EPIPE', null) }) },
    { weight: 1, arbitrary: fc.constant({ moves: true }) },
  ),
  { maxLength: 60, size: 'max' },
);

test('whatever portions are accepted, lines are whole and in order, and each is written or counted', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async steps => {
      const { log, buffer, writer, pass, outlet } = arrange(6_000);
      const outlets = [outlet];
      let logged = 0;
      for (const step of steps) {
        const now = outlets.at(-1) ?? outlet;
        if ('lines' in step)
          for (let i = 0; i < step.lines; i++) log(`n=${logged++} ${'é'.repeat(i)}`, step.isImportant);
        if ('room' in step) now.room += step.room;
        if ('fault' in step) now.fault = step.fault;
        if ('moves' in step) {
          const next = arrangeOutlet();
          outlets.push(next);
          writer.moveTo(next);
        }
        await pass(100);
      }
      const last = outlets.at(-1) ?? outlet;
      last.room = 1e9;
      last.fault = null;
      for (let i = 0; i < 3; i++) await pass(300);
      // Half a line at the end of an old file is written again at the beginning of the next.
      const text = outlets.map(({ text }) => text.slice(0, text.lastIndexOf('\n') + 1)).join('');
      const written = [...text.matchAll(/^n=(\d+) (?:Ã©)*$/gm)].map(([, n]) => Number(n));
      assert.deepEqual(
        written,
        [...new Set(written)].toSorted((a, b) => a - b),
        'in order, none twice',
      );
      assert.equal(text.split('\n').length - 1, written.length + (text.match(/^gap of/gm)?.length ?? 0), 'whole');
      assert.equal(written.length + dropped(text), logged);
      assert.equal(dropped(text), buffer.dropped);
    }),
    { numRuns: 150 },
  );
});

const closing = (outlet: Outlet) => {
  const buffer = new LineBuffer({ gapLine, date: () => new Date() });
  const writer = new LogWriter({ buffer, outlet });
  buffer.append('last', true);
  const start = performance.now();
  return writer.close().then(() => performance.now() - start);
};

test('closing waits for a reader that is slow, not for one that stands still or is gone', async () => {
  const slow = arrangeOutlet();
  const timer = setInterval(() => {
    slow.room = 1;
  }, 100);
  await closing(slow);
  clearInterval(timer);
  assert.equal(slow.text, 'last\n');
  const still = await closing(arrangeOutlet());
  assert.ok(still > 900 && still < 3_000, `${still} ms`);
  const gone = await closing({
    ...arrangeOutlet(),
    write: () => {
      throw Object.assign(new Error(), { code: 'EPIPE' });
    },
  });
  assert.ok(gone < 900, `${gone} ms`);
  const hanging = await closing({ ...arrangeOutlet(), write: () => new Promise(() => {}) });
  assert.ok(hanging > 900 && hanging < 3_000, `${hanging} ms`);
});

test('closing tries once more to write what did not fit on a full disk', async () => {
  const { log, outlet, writer, pass, clock } = arrange();
  outlet.fault = 'ENOSPC';
  log('last');
  await pass(5_000);
  outlet.fault = null;
  outlet.room = 1e9;
  const closed = writer.close();
  clock.advance(250);
  await closed;
  assert.equal(outlet.text, 'last\n');
});
