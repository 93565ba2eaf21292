import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frameOf } from '../../../src/fleet/link/frames.ts';
import { commonVersion } from '../../../src/fleet/link/handshake.ts';

const contents = fc.array(
  fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
  { maxLength: 10 },
);

test('frames are read the same however their bytes are cut', () => {
  fc.assert(
    fc.property(contents, fc.array(fc.nat(500), { maxLength: 30 }), (whole, cuts) => {
      const bytes = Buffer.concat(whole.map(content => frameOf(content)));
      const ends = [...new Set(cuts), bytes.length].filter(cut => cut <= bytes.length).sort((a, b) => a - b);
      const reader = new FrameReader(40);
      const read: Buffer[] = [];
      let from = 0;
      for (const end of ends) {
        reader.push(bytes.subarray(from, end));
        from = end;
        for (let next = reader.next(); next !== null; next = reader.next()) {
          assert.notEqual(next, 'too long');
          read.push(Buffer.from(next as Buffer));
        }
      }
      assert.deepEqual(read, whole);
    }),
  );
});

test('a frame that is too long is known by its first four bytes, and the bound may change between frames', () => {
  const reader = new FrameReader(3);
  reader.push(Buffer.concat([frameOf(Buffer.from('abc')), frameOf(Buffer.from('abcd')).subarray(0, 4)]));
  assert.equal(String(reader.next()), 'abc');
  assert.equal(reader.next(), 'too long');
  reader.most = 4;
  assert.equal(reader.next(), null);
  reader.push(Buffer.from('abcd'));
  assert.equal(String(reader.next()), 'abcd');
});

test('a megabyte that comes in byte by byte is read in a short time', () => {
  const content = Buffer.alloc(2 ** 20, 1);
  const bytes = frameOf(content);
  const reader = new FrameReader(content.length);
  const startedAt = process.cpuUsage();
  for (let at = 0; at < bytes.length; at += 16) {
    reader.push(bytes.subarray(at, at + 16));
    if (at + 16 < bytes.length) assert.equal(reader.next(), null);
  }
  assert.deepEqual(reader.next(), content);
  const { user, system } = process.cpuUsage(startedAt);
  assert.ok(user + system < 2_000_000, `${user + system} µs`);
});

test('the newest version that both speak is spoken; without one there is none', () => {
  const range = (oldest: number, newest: number) => ({ oldest, newest });
  assert.equal(commonVersion(range(1, 1), range(1, 1)), 1);
  assert.equal(commonVersion(range(1, 2), range(2, 3)), 2);
  assert.equal(commonVersion(range(2, 3), range(1, 2)), 2);
  assert.equal(commonVersion(range(1, 5), range(2, 3)), 3);
  assert.equal(commonVersion(range(1, 1), range(2, 3)), null);
  assert.equal(commonVersion(range(3, 2), range(1, 9)), null);
});
