import assert from 'node:assert/strict';
import { validateHeaderValue } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientContext, withContext } from '../../../src/telemetry/tracing/client-context.ts';

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const traceparent = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.tuple(hex(2), hex(32), hex(16), hex(2)).map(parts => parts.join('-')),
  fc.tuple(hex(2), hex(32), hex(16), hex(2), fc.string()).map(parts => parts.join('-')),
);
const tracestate = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 700 }),
  fc
    .array(fc.tuple(fc.stringMatching(/^[a-z0-9@*/_-]{1,20}$/), fc.string({ maxLength: 40 })), { maxLength: 60 })
    .map(members => members.map(([key, value]) => `${key}=${value}`).join()),
);

test('whatever a client sends, its context is valid and short, or there is none, and it can be sent on', () => {
  fc.assert(
    fc.property(traceparent, fc.option(tracestate, { nil: undefined }), (parent, state) => {
      const context = clientContext({ traceparent: parent, tracestate: state });
      if (context === null) return;
      assert.match(context.traceId, /^(?!0{32})[0-9a-f]{32}$/);
      assert.match(context.spanId, /^(?!0{16})[0-9a-f]{16}$/);
      assert.ok((context.traceState?.serialize() ?? '').length <= 512);
      const sent = withContext({ traceparent: parent, tracestate: state, other: 'stays' }, context);
      assert.match(String(sent.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
      if (sent.tracestate !== undefined) validateHeaderValue('tracestate', String(sent.tracestate));
      assert.equal(sent.other, 'stays');
    }),
    { numRuns: 2_000 },
  );
});

test('headers without any context stay the object that they are', () => {
  const headers = { 'content-type': 'application/json' };
  assert.equal(withContext(headers, null), headers);
});
