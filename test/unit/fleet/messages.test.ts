import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from '../../../src/fleet/link/frames.ts';
import { downward } from '../../../src/fleet/messages/downward.ts';
import { MessageFault, readDownward, readUpward } from '../../../src/fleet/messages/messages.ts';
import { upward } from '../../../src/fleet/messages/upward.ts';
import { conductorOf1, conductorOf1Since, memberOf1, memberOf1Since } from '../../support/fleet-recording.ts';

function recorded(bytes: Buffer): any[] {
  const reader = new FrameReader(bytes.length);
  reader.push(bytes);
  const messages: any[] = [];
  for (let next = reader.next(); next !== null; next = reader.next()) messages.push(...JSON.parse(String(next)));
  return messages;
}
const ups = [...recorded(memberOf1), ...recorded(memberOf1Since)];
const downs = [...recorded(conductorOf1), ...recorded(conductorOf1Since)];
const all = [...ups.map(message => [readUpward, message]), ...downs.map(message => [readDownward, message])] as const;

/** Every value within it, and how to put another one in its place. */
function* places(value: any, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) yield* places(value[key], [...path, Array.isArray(value) ? Number(key) : key]);
}
function changed(value: any, [first, ...rest]: readonly (string | number)[], to: unknown): any {
  if (first === undefined) return to;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[first] = changed(copy[first], rest, to);
  return copy;
}

test('the recordings have a message of every kind', () => {
  assert.deepEqual(new Set(ups.map(({ t }) => t)), new Set(Object.keys(upward)));
  assert.deepEqual(new Set(downs.map(({ t }) => t)), new Set(Object.keys(downward)));
});

test('every message is read as it was said, with fields of a newer version beside its own', () => {
  for (const [read, message] of all) {
    assert.deepEqual(read(message), message);
    const newer = { ...message, colour: 'red' };
    assert.equal(read(newer), newer);
  }
});

test('a kind that is not known here is passed over', () => {
  for (const kind of ['lease', 'constructor', '__proto__', 'toString', '']) {
    assert.equal(readUpward({ t: kind }), null);
    assert.equal(readDownward({ t: kind, beat: -1 }), null);
  }
  assert.equal(readUpward({ t: 'seat' }), null, 'what a conductor says means nothing from a member');
});

test('what has no kind is a fault', () => {
  for (const value of [null, 5, 'beat', [], {}, { t: 5 }, { t: null }, [{ t: 'beat' }]])
    assert.throws(() => readUpward(value), MessageFault);
});

/** Where any value may stand. */
const isOpen = ([first]: readonly (string | number)[]) => first === 'about' || first === 'value' || first === 'changes';

test('no field may be another thing than it is, and the fault names it', () => {
  let tried = 0;
  for (const [read, message] of all) {
    for (const path of places(message)) {
      if (path[0] === 't' || isOpen(path)) continue;
      for (const wrong of [undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, {}, { length: 3 }, 'x'.repeat(1_000)]) {
        // The numbers of a refusal are those that its code has; all but the last answer say that there is more.
        if (wrong === undefined && (path[0] === 'refusal' || path[0] === 'more')) continue;
        tried++;
        assert.throws(
          () => read(changed(message, path, wrong)),
          (error: Error) => error instanceof MessageFault && error.message.startsWith(`${message.t}.${path[0]}`),
          `${message.t} ${path} ${String(wrong).slice(0, 20)}`,
        );
      }
    }
  }
  assert.ok(tried > 500);
});

test('lists and texts have an end', () => {
  const [held, waiting, hello] = ups;
  const tooMany: [any, any][] = [
    [readUpward, { ...held, tickets: Array(101).fill(held.tickets[0]) }],
    [readUpward, { ...waiting, tickets: Array(101).fill(waiting.tickets[0]) }],
    [readUpward, { ...hello, pools: Array(1_001).fill('p') }],
    [readUpward, { ...hello, brings: Array(1_001).fill({ pool: 'p', seats: 1 }) }],
    [readUpward, { t: 'progress', spent: Array(10_001).fill([1, 0, 1, 1]) }],
    [readDownward, { t: 'list', members: Array(1_001).fill(downs[0].members[0]) }],
    [readUpward, { ...hello, epoch: 2 ** 52 + 1 }],
    [readUpward, { ...hello, epoch: 1.5 }],
  ];
  for (const [read, message] of tooMany) assert.throws(() => read(message), MessageFault);
});

test('what is written into the row can be stored by any database', () => {
  const hello = ups.find(({ t }) => t === 'hello');
  for (const name of ['a\u0000b', '\ud800', 'münchen', 'a\nb', '日本']) {
    assert.throws(() => readUpward(changed(hello, ['member', 'name'], name)), /hello\.member\.name/);
    assert.throws(() => readUpward(changed(hello, ['member', 'version'], name)), /hello\.member\.version/);
  }
});

test('whatever is said is read, passed over, or a fault that tells nothing of the value', () => {
  const kinds = fc.constantFrom(...Object.keys(upward), ...Object.keys(downward));
  const anything = fc.oneof(fc.jsonValue(), fc.record({ t: kinds, beat: fc.jsonValue(), members: fc.jsonValue() }));
  fc.assert(
    fc.property(anything, value => {
      for (const read of [readUpward, readDownward]) {
        try {
          read(value);
        } catch (error) {
          assert.ok(error instanceof MessageFault);
          assert.match(error.message, /^(a message without its kind|[\w.]+ is out of its bounds)$/);
        }
      }
    }),
  );
});
