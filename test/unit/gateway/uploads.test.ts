import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GatewayError } from '../../../src/domain/errors.ts';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { BodyPieces } from '../../../src/gateway/receiving/body-pieces.ts';
import { type Upload, Uploads } from '../../../src/gateway/receiving/uploads.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const mebibyte = 2 ** 20;
const limits = { maxReceivingBytes: 256 * mebibyte, maxBytes: 32 * mebibyte, minBytesPerSec: 1024 };

function arrange() {
  const clock = new ManualClock();
  const uploads = new Uploads(limits, clock);
  /** An upload with this many bytes in flight; `error` is the reason why it was dropped. */
  const begin = (level: number, flowId: string, bytes: number, keyId = 1) => {
    const held: { upload: Upload; error: GatewayError | null } = {
      upload: uploads.begin({ level: level as Level, flowId, keyId }, error => {
        held.error = error;
      }),
      error: null,
    };
    uploads.grown(held.upload, bytes, bytes);
    return held;
  };
  return { clock, uploads, begin };
}

test('whoever of a worse level fills what may come in makes room for a better one, the slowest first', () => {
  const { clock, begin } = arrange();
  const slow = begin(9, 'a', 20 * mebibyte);
  clock.advance(5_000);
  const worse = ['b', 'c', 'd', 'e'].map(flow => begin(9, flow, 30 * mebibyte));
  const middle = ['f', 'g', 'h'].map(flow => begin(5, flow, 30 * mebibyte));
  assert.equal(slow.error?.code, 'queue_full');
  const best = ['k', 'l', 'm', 'n'].map(flow => begin(0, flow, 30 * mebibyte));
  assert.deepEqual(
    [worse, middle, best].map(group => group.filter(({ error }) => error !== null).length),
    [3, 0, 0],
  );
});

test('a share is kept for better levels, so that they need not push anybody out', () => {
  const { begin } = arrange();
  const worse = Array.from({ length: 12 }, (_, index) => begin(9, `flow-${index}`, 20 * mebibyte));
  // Of 256 MiB, P9 may use what P0 to P8 leave: 55 percent.
  assert.equal(worse.filter(({ error }) => error === null).length, 7);
});

test('one tenant has at most half; a key that has the most of it pays, for itself with what it began last', () => {
  const { clock, begin } = arrange();
  const other = begin(9, 'other', 10 * mebibyte);
  const uploads = Array.from({ length: 5 }, () => {
    clock.advance(1_000);
    return begin(0, 'one', 30 * mebibyte);
  });
  const refused = uploads.at(-1)?.error;
  assert.deepEqual([refused?.code, refused?.status, refused?.retryAfterSec], ['tenant_limit', 429, 1]);
  for (const { error } of [other, ...uploads.slice(0, -1)]) assert.equal(error, null);
});

test('one key keeps no other key of its tenant out: its slowest upload makes room', () => {
  const { clock, begin } = arrange();
  const slow = begin(0, 'one', 30 * mebibyte);
  clock.advance(1_000);
  const fast = Array.from({ length: 3 }, () => begin(0, 'one', 30 * mebibyte));
  const theirs = begin(0, 'one', 30 * mebibyte, 2);
  assert.equal(slow.error?.code, 'tenant_limit');
  for (const { error } of [...fast, theirs]) assert.equal(error, null);
});

test('whoever has nothing else on the way may have one whole body', () => {
  const clock = new ManualClock();
  const uploads = new Uploads({ ...limits, maxReceivingBytes: 40 * mebibyte }, clock);
  let dropped = 0;
  const upload = uploads.begin({ level: 9, flowId: 'a', keyId: null }, () => dropped++);
  uploads.grown(upload, 32 * mebibyte, 32 * mebibyte);
  assert.equal(dropped, 0);
});

test('a body has to come at the least rate, with twenty seconds of patience that its bytes renew', () => {
  const { clock, uploads, begin } = arrange();
  const silent = begin(0, 'a', 1);
  const steady = begin(0, 'b', 1);
  const burst = begin(0, 'c', 1);
  for (let second = 1; second <= 60; second++) {
    uploads.grown(steady.upload, steady.upload.heldBytes + 1024, 1024);
    if (second === 5) uploads.grown(burst.upload, mebibyte, mebibyte);
    clock.advance(1_000);
    assert.equal(silent.error === null, second < 20, `silent, after ${second} s`);
    // A burst of any size earns at most twenty seconds.
    assert.equal(burst.error === null, second < 24, `burst, after ${second} s`);
  }
  assert.equal(steady.error, null);
  assert.deepEqual([silent.error?.code, silent.error?.status], ['request_timeout', 408]);
  uploads.end(steady.upload);
  clock.advance(2_000);
  assert.equal(clock.pending, 0, 'nothing is looked after when nothing comes in');
});

test('time in which the process stood still counts against nobody', () => {
  let now = 0;
  const looks: (() => void)[] = [];
  const after = (_: number, look: () => void) => {
    looks.push(look);
    return () => {};
  };
  const uploads = new Uploads(limits, { now: () => now, date: () => new Date(now), after });
  let dropped = 0;
  uploads.begin({ level: 0, flowId: 'a', keyId: null }, () => dropped++);
  // The check that was due after a second comes an hour late.
  now += 3_600_000;
  looks.pop()?.();
  assert.equal(dropped, 0);
  for (let look = 0; look < 19; look++) looks.pop()?.();
  assert.equal(dropped, 1);
});

test('however uploads begin, grow and end, bounds hold, and nobody pays for another without need', () => {
  const step = fc.record({
    what: fc.constantFrom('begin', 'grow', 'grow', 'grow', 'end', 'wait'),
    level: fc.constantFrom(0, 3, 9),
    flow: fc.nat(4),
    which: fc.nat(),
    bytes: fc.nat(40 * mebibyte),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const clock = new ManualClock();
      const uploads = new Uploads({ ...limits, minBytesPerSec: 0 }, clock);
      const open: Upload[] = [];
      let growing: Upload | null = null;
      const drop = (upload: Upload) => (error: GatewayError) => {
        const worst = Math.max(...open.map(({ sender }) => sender.level));
        assert.ok(open.includes(upload), 'dropped once, while it was coming in');
        if (error.code === 'queue_full') assert.equal(upload.sender.level, worst, 'the worst go first');
        else assert.equal(upload.sender.flowId, growing?.sender.flowId, 'a tenant pays for its own');
        open.splice(open.indexOf(upload), 1);
      };
      for (const { what, level, flow, which, bytes } of steps) {
        const chosen = open[which % Math.max(open.length, 1)];
        if (what === 'begin') {
          let dropIt: (error: GatewayError) => void = () => {};
          const upload = uploads.begin({ level: level as Level, flowId: `flow-${flow}`, keyId: which % 2 }, error =>
            dropIt(error),
          );
          dropIt = drop(upload);
          open.push(upload);
        } else if (what === 'wait') clock.advance(bytes / 1024);
        else if (chosen && what === 'end') {
          uploads.end(chosen);
          open.splice(open.indexOf(chosen), 1);
        } else if (chosen) {
          growing = chosen;
          const held = Math.min(chosen.heldBytes + bytes, limits.maxBytes);
          uploads.grown(chosen, held, held - chosen.heldBytes);
        }
        const sum = (of: (upload: Upload) => boolean) =>
          open.filter(of).reduce((total, { heldBytes }) => total + heldBytes, 0);
        assert.ok(sum(() => true) <= limits.maxReceivingBytes);
        assert.ok(sum(({ sender }) => sender.level === 9) <= limits.maxReceivingBytes * 0.55 + 1);
        for (let one = 0; one <= 4; one++)
          assert.ok(sum(({ sender }) => sender.flowId === `flow-${one}`) <= limits.maxReceivingBytes / 2);
      }
      for (const upload of [...open]) uploads.end(upload);
      // Everything taken is free again.
      const whole = uploads.begin({ level: 9, flowId: 'x', keyId: null }, () => assert.fail('there is room'));
      uploads.grown(whole, limits.maxBytes, limits.maxBytes);
    }),
    { numRuns: 300 },
  );
});

test('a body is kept byte for byte, in little more memory and few pieces, however it is cut', () => {
  const sizes = fc.oneof(fc.nat(3), fc.nat(300), fc.nat(20_000), fc.nat(70_000));
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 200 }), lengths => {
      const body = new BodyPieces();
      const sent = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      for (const piece of sent) body.add(piece);
      const whole = Buffer.concat(sent);
      assert.equal(body.bytes, whole.length);
      assert.ok(Buffer.concat(body.pieces).equals(whole));
      assert.ok(body.heldBytes <= 2 * whole.length + 72 * 1024, `${body.heldBytes} for ${whole.length}`);
    }),
    { numRuns: 200 },
  );
  const drip = new BodyPieces();
  for (let byte = 0; byte < 300_000; byte++) drip.add(Buffer.alloc(1, byte));
  assert.ok(drip.pieces.length < 20, `${drip.pieces.length} pieces`);
});
