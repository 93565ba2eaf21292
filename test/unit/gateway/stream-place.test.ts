import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meterFor } from '../../../src/upstreams/metering/meter.ts';

const event = (type: string, more: object = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

function placeAfter(text: string | Buffer) {
  const meter = meterFor('text/event-stream');
  meter.feed(Buffer.from(text as string));
  const { responseId, nextNumber } = meter.place;
  return { responseId, nextNumber };
}

const created = event('response.created', { sequence_number: 4, response: { id: 'resp_1', usage: null, error: null } });
const delta = (sequence_number: number, text = 'x') =>
  event('response.output_text.delta', { sequence_number, delta: text });

test('a stream goes on with the number after the last event that came whole, wherever it was cut', () => {
  const bytes = Buffer.from(created + delta(5) + delta(6));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const sent = bytes.subarray(0, cut).toString();
    const whole = sent.split('\n\n').length - 1;
    const expected =
      whole === 0 ? { responseId: null, nextNumber: 0 } : { responseId: 'resp_1', nextNumber: 4 + whole };
    assert.deepEqual(placeAfter(sent), expected, `cut after ${cut} bytes`);
  }
});

test('a stream without numbers goes on with how many events there were', () => {
  const plain =
    event('response.created', { response: { id: 'resp_1' } }) + event('response.output_text.delta', { delta: 'x' });
  assert.deepEqual(placeAfter(plain), { responseId: 'resp_1', nextNumber: 2 });
  assert.deepEqual(placeAfter(''), { responseId: null, nextNumber: 0 });
  assert.deepEqual(placeAfter(delta(5) + event('response.in_progress')), { responseId: null, nextNumber: 2 });
});

test('numbers and ids count where they are the event’s own, and as far as they are some', () => {
  const inside = { tools: [{ parameters: { examples: [{ sequence_number: 99, response: { id: 'no' } }] } }] };
  assert.deepEqual(
    placeAfter(event('response.created', { response: { ...inside, id: 'resp_"é' }, sequence_number: 0 })),
    {
      responseId: 'resp_"é',
      nextNumber: 1,
    },
  );
  const text = delta(7, '"sequence_number":98,"response":{"id":"no"}');
  assert.deepEqual(placeAfter(created + text), { responseId: 'resp_1', nextNumber: 8 });
  for (const odd of [-1, 1.5, 1e300, null, '5', [5]]) {
    assert.equal(placeAfter(created + event('response.output_text.delta', { sequence_number: odd })).nextNumber, 2);
  }
  for (const odd of [5, null, { id: 'x' }, 'x'.repeat(2000)]) {
    assert.equal(placeAfter(event('response.created', { response: { id: odd } })).responseId, null);
  }
});

test('the place is known after events that are too long to be held', () => {
  const instructions = 'long '.repeat(100_000);
  const long = event('response.created', { response: { id: 'resp_1', instructions }, sequence_number: 0 });
  assert.deepEqual(placeAfter(long), { responseId: 'resp_1', nextNumber: 1 });
  assert.deepEqual(placeAfter(created + delta(8, instructions)), { responseId: 'resp_1', nextNumber: 9 });
});

test('of an event that was cut it is known what there is of its data, as far as that is held', () => {
  const cutAfter = (text: string) => {
    const meter = meterFor('text/event-stream');
    meter.feed(Buffer.from(text));
    return meter.place.cutData;
  };
  for (const whole of ['', delta(5), 'event: x\n', 'event: x', ': comment', 'da', 'data', `data: {"a":1}\n`]) {
    assert.equal(cutAfter(created + whole), null, whole);
  }
  assert.equal(cutAfter(`${created}event: x\ndata: {"a`), '{"a');
  assert.equal(cutAfter('data:'), '');
  assert.equal(cutAfter('data: {\r\ndata:  "a":'), '{\n "a":');
  assert.equal(cutAfter(`data: {"a":"${'x'.repeat(100_000)}`), null);
  assert.equal(cutAfter(`data: {\ndata: ${'x'.repeat(100_000)}\ndata: "a`), null);
});
