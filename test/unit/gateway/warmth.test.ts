/** What a request is warm by, of headers, body and key. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Affinity } from '../../../src/domain/vocabulary.ts';
import { hashBits, mostHashes } from '../../../src/domain/warmth.ts';
import { BodyScan } from '../../../src/gateway/receiving/body-scan.ts';
import { warmthOf } from '../../../src/gateway/warmth.ts';

interface Request {
  readonly text?: string | Buffer;
  readonly cuts?: readonly number[];
  readonly headers?: IncomingHttpHeaders;
  readonly flowId?: string;
  readonly keyId?: number | null;
}

const chat = (...messages: string[]) =>
  JSON.stringify({ model: 'm', messages: messages.map(content => ({ role: 'user', content })), stream: true });

function hashes(
  affinity: Affinity,
  { text = chat('hi'), cuts = [], headers = {}, flowId = 'dept', keyId = 1 }: Request,
): readonly number[] {
  const bytes = Buffer.from(text as string);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const pieces = [...ends, bytes.length].map((end, nth) => bytes.subarray(ends[nth - 1] ?? 0, end));
  const scan = new BodyScan();
  for (const piece of pieces) scan.push(piece);
  const sent = { headers, body: { pieces, bytes: bytes.length }, prompt: scan.end().prompt, flowId, keyId };
  return warmthOf(sent)(affinity)?.hashes ?? assert.fail();
}
const session = (request: Request) => hashes('session', request);
const prefix = (request: Request) => hashes('prefix', request);

const long = (bytes: number, letter = 'x') => letter.repeat(bytes);
const KiB = 1024;

test('nothing is computed for a provider that asks for none', () => {
  const prompt = {
    get parts() {
      return assert.fail();
    },
    get cacheKey() {
      return assert.fail();
    },
  };
  const sent = { headers: {}, body: { pieces: [], bytes: 0 }, prompt, flowId: 'dept', keyId: 1 };
  assert.equal(warmthOf(sent)('none'), null);
});

test('a session is what its client says first: a header, the prompt_cache_key, or else its key', () => {
  const text = JSON.stringify({ model: 'm', prompt_cache_key: 's1', input: 'hi' });
  const ofKey = session({});
  assert.equal(ofKey.length, 1);
  for (const name of ['x-session-id', 'x-claude-code-session-id', 'session-id', 'session_id']) {
    const said = session({ headers: { [name]: 's1' } });
    assert.notDeepEqual(said, ofKey);
    assert.deepEqual(session({ headers: { [name]: 's1' }, text, keyId: 2 }), said, name);
  }
  const first = { 'x-session-id': 's1', 'session-id': 's2' };
  assert.deepEqual(session({ headers: first }), session({ headers: { 'x-session-id': 's1' } }));
  assert.deepEqual(session({ text, keyId: 2 }), session({ text, keyId: 3 }));
  assert.notDeepEqual(session({ text }), ofKey);
  assert.notDeepEqual(session({ keyId: 2 }), ofKey);
  assert.deepEqual(session({ headers: { 'x-session-id': '' } }), ofKey);
  assert.deepEqual(session({ keyId: null }), []);
});

test('a prompt_cache_key that is no text, or too long, is passed over', () => {
  for (const key of [7, null, {}, ['s'], '', long(2000)])
    assert.deepEqual(session({ text: JSON.stringify({ prompt_cache_key: key, model: 'm' }) }), session({}));
});

test('no session of one tenant is one of another, whatever they are called', () => {
  const named = (flowId: string, id: string) => session({ flowId, headers: { 'x-session-id': id } });
  assert.notDeepEqual(named('a', 's'), named('b', 's'));
  assert.notDeepEqual(named('a b', 'c'), named('a', 'b c'));
  assert.notDeepEqual(named('1 a', 'c'), named('1', 'a c'));
  // Nor is a session that is called like the ID of a key.
  assert.notDeepEqual(session({ headers: { 'x-session-id': '1' } }), session({ keyId: 1 }));
  assert.notDeepEqual(
    prefix({ flowId: 'a', text: chat(long(2 * KiB)) }),
    prefix({ flowId: 'b', text: chat(long(2 * KiB)) }),
  );
});

test('a prompt has a hash for each beginning that it is long enough for, up to 256 KiB', () => {
  const counts = [0.9, 1, 4, 16, 64, 256, 4096].map(
    size => prefix({ text: JSON.stringify({ model: 'm', prompt: long(size * KiB) }) }).length,
  );
  assert.deepEqual(counts, [0, 1, 2, 3, 4, 5, 5]);
  assert.ok(counts.every(count => count <= mostHashes));
  for (const hash of prefix({ text: chat(long(300 * KiB)) })) assert.ok(hash >= 0 && hash < 2 ** hashBits);
});

test('a conversation that goes on has the hashes of what it was, whatever else its body says', () => {
  const before = prefix({ text: chat(long(5 * KiB), long(100, 'y')) });
  assert.equal(before.length, 2);
  const after = chat(long(5 * KiB), long(100, 'y'), long(20 * KiB, 'z')).replace(
    '"model":"m"',
    '"temperature":0.5,"model":"other","user":"someone"',
  );
  assert.deepEqual(prefix({ text: after }).slice(0, 2), before);
  assert.equal(prefix({ text: after }).length, 3);
  const other = prefix({ text: chat(long(3 * KiB), long(4 * KiB, 'y')) });
  assert.deepEqual([other[0] === before[0], other[1] === before[1]], [true, false]);
});

test('the prompt is what each API calls it: messages, system, input, instructions or prompt of the outermost object', () => {
  const content = long(2 * KiB);
  for (const prompt of [
    { messages: [{ content }] },
    { system: content },
    { system: [{ text: content }], messages: [] },
    { input: content },
    { instructions: content, input: [] },
    { prompt: [content] },
  ])
    assert.equal(prefix({ text: JSON.stringify({ model: 'm', ...prompt }) }).length, 1, Object.keys(prompt).join());
  assert.deepEqual(
    prefix({ text: JSON.stringify({ model: 'm', tools: [{ messages: content, input: content }] }) }),
    [],
  );
});

test('the parts of a prompt count in the order in which they stand', () => {
  const parts = { system: long(600, 's'), messages: long(600, 'm') };
  const one = prefix({ text: JSON.stringify({ model: 'm', ...parts }) });
  assert.equal(one.length, 1);
  const more = { ...parts, messages: long(700, 'm') };
  assert.deepEqual(prefix({ text: JSON.stringify({ ...more, model: 'n' }) }), one);
  const { system, messages } = parts;
  assert.notDeepEqual(prefix({ text: JSON.stringify({ messages, model: 'm', system }) }), one);
});

test('neither hash depends on how the bytes came in', () => {
  const text = JSON.stringify({
    system: long(900, 's'),
    model: 'm',
    prompt_cache_key: 'größe',
    messages: [{ content: [{ text: long(4000, 'm') }] }, { content: '"\\"' }],
    stream: false,
  });
  const wholePrefix = prefix({ text });
  const wholeSession = session({ text });
  assert.equal(wholePrefix.length, 2);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 30 }), cuts => {
      assert.deepEqual(prefix({ text, cuts }), wholePrefix);
      assert.deepEqual(session({ text, cuts }), wholeSession);
    }),
  );
  const everyByte = Array.from({ length: text.length }, (_, at) => at);
  assert.deepEqual(prefix({ text, cuts: everyByte }), wholePrefix);
});
