/**
 * Every parser of foreign bytes: ends in bounded time, fails only with its documented errors, and reads the same
 * however its input is cut.
 */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Random } from '../../bench/sim/random.ts';
import { FaultList } from '../../src/config/file/faults.ts';
import { readSettingFile } from '../../src/config/file/setting-file.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import { hostNameIn, hostNameOfOrigin } from '../../src/domain/text/host-name.ts';
import { parseInstant } from '../../src/domain/text/instant.ts';
import { maxWaitMs } from '../../src/gateway/max-wait.ts';
import { findOperation } from '../../src/gateway/operations.ts';
import { BodyPieces } from '../../src/gateway/receiving/body-pieces.ts';
import { BodyScan, type ScannedBody } from '../../src/gateway/receiving/body-scan.ts';
import { FormScan } from '../../src/gateway/receiving/form/form-scan.ts';
import { boundaryIn } from '../../src/gateway/receiving/form/form-type.ts';
import type { Scan } from '../../src/gateway/receiving/scan.ts';
import { presentedKey } from '../../src/http/door/auth.ts';
import { ClientAddresses, networkOf } from '../../src/http/door/client-address.ts';
import { ownMachineOnly } from '../../src/http/door/own-machine.ts';
import { requestFaults } from '../../src/http/request-faults.ts';
import { sessionToken } from '../../src/http/session-cookie.ts';
import { parseEmail } from '../../src/identity/email.ts';
import { parsePattern } from '../../src/priority/matching/pattern.ts';
import { DocumentFault, readDocument } from '../../src/priority/transfer/document.ts';
import { parseRule } from '../../src/schedules/rule.ts';
import { jsonRequestLine, prettyRequestLine } from '../../src/telemetry/request-line.ts';
import { retryAfterMs } from '../../src/upstreams/answer/retry-after.ts';
import { bodyForUpstream } from '../../src/upstreams/body-splice.ts';
import { answerHeaders, HeaderFilter } from '../../src/upstreams/headers.ts';
import { meteredUsage } from '../../src/upstreams/metering/charge.ts';
import { meterFor } from '../../src/upstreams/metering/meter.ts';
import { realStreams } from '../support/real-streams.ts';
import { within } from '../support/within.ts';
import { type Campaign, Finding } from './campaign.ts';
import { cutsOf, inPieces, latin1, mutated } from './mutate.ts';

interface Target {
  readonly seeds: readonly (string | Buffer)[];
  readonly words: readonly string[];
  /** Throws an AssertionError if a check fails; any other error except a GatewayError is a finding too. */
  readonly run: (bytes: Buffer, random: Random) => void | Promise<void>;
}

const jsonWords = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  '\\"',
  '\\u0061',
  ',',
  ':',
  'null',
  '1e999',
  '-0',
  '\u0000',
  ' ',
  '\ufeff',
  'é',
];
const usageWords = [
  '"usage":',
  '"error":',
  '"type":',
  '"prompt_tokens":',
  '"choices":[',
  'data:',
  'event: ',
  '\n\n',
  '\r',
  '[DONE]',
];

const chat = JSON.stringify({
  model: 'm',
  stream: true,
  max_tokens: 100,
  messages: [
    { role: 'user', content: 'say "hi"\n' },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } }] },
    { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QUJD' } }] },
  ],
});
const answer = JSON.stringify({
  choices: [{ message: { content: 'a "usage":{} b' } }],
  usage: { prompt_tokens: 9, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 2 } },
});
const form = ['file"; filename="a.wav', 'model', 'stream']
  .map(name => `--XyZ\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n--Xy\r\ntrue\r\n`)
  .join('');
const failure = JSON.stringify({ error: { message: 'x', type: 'server_error', code: 500 } });

function scanned(bytes: Buffer, cuts: readonly number[], scan: Scan = new BodyScan()): unknown {
  const pieces = new BodyPieces();
  try {
    for (const piece of inPieces(bytes, cuts)) {
      pieces.add(piece);
      scan.push(piece);
    }
    const fields = scan.end();
    assert.ok(Buffer.concat(pieces.pieces).equals(bytes));
    return { ...fields, media: { ...fields.media } };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.message;
  }
}

function metered(type: string, bytes: Buffer, cuts: readonly number[]) {
  const meter = meterFor(type);
  for (const piece of inPieces(bytes, cuts)) meter.feed(piece);
  const reading = meter.read();
  const usage = meteredUsage(reading, { inputEstimate: 7, outputLimit: null, producesTokens: true });
  return { usage, isEmpty: reading.isEmpty, error: reading.error, isOver: meter.isOver };
}

function parsedOrNull(bytes: Buffer): { priority?: unknown; model?: unknown } | null {
  try {
    return JSON.parse(bytes.toString().replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
}

/** A header's value as Node passes it: one character per byte, without line breaks. */
const headerText = (bytes: Buffer): string => latin1(bytes).replace(/[\r\n\0]/g, ' ');
const flowSafe = (run: () => unknown): void => {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
};

const targets: Record<string, Target> = {
  body: {
    seeds: [chat, '{"model":"m"}', '{}', ''],
    words: [...jsonWords, '"model":', '"priority":', '"prior\\u0069ty":[', '"source":{', '"data":', '"max_tokens":'],
    run(bytes, random) {
      const whole = scanned(bytes, []);
      assert.deepEqual(scanned(bytes, cutsOf(bytes.length, random)), whole);
      if (typeof whole === 'string') return;
      // An accepted body can be spliced, and stays the same JSON wherever JSON.parse agrees.
      const { places, model } = whole as ScannedBody;
      const upstreamModel = 'another "é\u{1f600}';
      const body = { pieces: inPieces(bytes, cutsOf(bytes.length, random)), bytes: bytes.length };
      const spliced = bodyForUpstream('vllm', {
        dialect: 'openai',
        path: '/completions',
        level: 3,
        model,
        upstreamModel,
        body,
        bodyPlaces: places,
      });
      const text = Buffer.concat(spliced?.pieces ?? []);
      assert.equal(spliced?.bytes, text.length);
      const again = scanned(text, []) as ScannedBody;
      // A longer name moves what follows it.
      const { prompt } = again;
      assert.deepEqual(again, { ...(whole as ScannedBody), model: upstreamModel, places: again.places, prompt });
      const parsed = parsedOrNull(text);
      if (parsed === null) return;
      assert.equal(parsed.priority, 3);
      assert.equal(parsed.model, upstreamModel);
    },
  },
  form: {
    seeds: [`${form}--XyZ--\r\n`, `a preamble\r\n${form}--XyZ--`, '--XyZ--', ''],
    words: ['--XyZ', '\r\n--XyZ', '--', '\r\n', '\n', '\r', '\r\n\r\n', 'name="model"', '; ', '\\"', '"', 'filename*='],
    run(bytes, random) {
      const whole = scanned(bytes, [], new FormScan('XyZ', false));
      assert.deepEqual(scanned(bytes, cutsOf(bytes.length, random), new FormScan('XyZ', false)), whole);
      flowSafe(() => boundaryIn(`multipart/form-data; boundary=${headerText(bytes)}`));
      flowSafe(() => boundaryIn(headerText(bytes)));
    },
  },
  answer: {
    seeds: [answer, failure, ...realStreams.map(({ bytes }) => bytes)],
    words: [...jsonWords, ...usageWords],
    run(bytes, random) {
      for (const type of ['text/event-stream', 'application/json', '']) {
        const whole = metered(type, bytes, []);
        assert.deepEqual(metered(type, bytes, cutsOf(bytes.length, random)), whole);
        for (const tokens of [
          whole.usage?.inputTokens ?? 0,
          whole.usage?.cachedInputTokens ?? 0,
          whole.usage?.outputTokens ?? 0,
        ])
          assert.ok(Number.isSafeInteger(tokens) && tokens >= 0, `${tokens} tokens`);
      }
    },
  },
  retryAfter: {
    seeds: ['120', 'Wed, 21 Oct 2026 07:28:00 GMT', '1.5', ''],
    words: ['-', 'e9', '9'.repeat(400), 'Mon', 'GMT+0200', 'Infinity'],
    run(bytes) {
      const now = new Date('2026-10-21T07:00:00Z');
      for (const name of ['retry-after', 'retry-after-ms']) {
        const ms = retryAfterMs({ [name]: headerText(bytes), date: headerText(bytes) }, now);
        assert.ok(ms === null || ms >= 0, `${ms}`);
      }
    },
  },
  requestHeaders: {
    seeds: ['Bearer tok_0123456789', 'basic dXNlcjpwYXNz', '1500', '3', 'tokligence_session=abc; x=y', 'close, x-hop'],
    words: ['Bearer ', ' ', ',', ';', '=', '%', '"', '9'.repeat(300), '\t'],
    run(bytes) {
      const text = headerText(bytes);
      flowSafe(() => presentedKey({ authorization: text, 'x-api-key': text.slice(3) }));
      flowSafe(() => maxWaitMs(text));
      flowSafe(() => sessionToken({ cookie: text }));
      const filter = new HeaderFilter(['openai-project']);
      const sent = filter.upstream(
        { connection: text, [text.toLowerCase() || 'a']: text, authorization: 'x', 'x-a': text },
        [],
        'r',
      );
      assert.ok(!sent.includes('authorization'));
      answerHeaders({ connection: text, location: text, 'x-a': [text, text] }, { 'x-request-id': 'r' });
    },
  },
  addresses: {
    seeds: ['203.0.113.7', '203.0.113.7, 10.0.0.1:8080', '[2001:db8::1]:443, ::ffff:10.1.2.3', 'unknown', ''],
    words: [',', ', 10.0.0.2', '::', '[', ']', '%eth0', ':', '.', '0', '256'],
    run(bytes) {
      const addresses = new ClientAddresses(['10.0.0.0/8', '::1']);
      const headers = { 'x-forwarded-for': headerText(bytes) };
      for (const remoteAddress of ['10.0.0.1', '::ffff:10.0.0.1', '::1', '198.51.100.1']) {
        const address = addresses.of({ headers, socket: { remoteAddress } } as unknown as IncomingMessage);
        assert.notEqual(isIP(address), 0, address);
        assert.ok(networkOf(address).length <= address.length + 8, networkOf(address));
        // A peer that is no proxy cannot name another client.
        if (remoteAddress === '198.51.100.1') assert.equal(address, remoteAddress);
      }
    },
  },
  hosts: {
    seeds: ['localhost:8081', '127.0.0.1', '[::1]:8081', 'gateway.internal.', 'http://localhost:3000', 'null'],
    words: ['@', ':', '[', ']', '/', '\\', '%31', '.', 'localhost', '127.1', '.localhost', '#', '?', ','],
    run(bytes) {
      const host = headerText(bytes);
      for (const name of [hostNameIn(host), hostNameOfOrigin(host)])
        assert.ok(name === null || !/[\s/@]/.test(name), `${name}`);
      const fault = requestFaults()({ httpVersion: '1.1', headers: { host } } as IncomingMessage);
      assert.ok(fault !== null || !/[\s,/@]/.test(host), host);
      flowSafe(() => ownMachineOnly(['gateway.internal'])({ host, origin: host, 'sec-fetch-site': host }));
    },
  },
  documents: {
    seeds: [
      'mappings:\n  - pattern: tok_a\n    match_type: prefix\n    priority: 3\n    tenant_id: a\n',
      '{"mappings":[{"pattern":"^tok_[a-z]{3}$","match_type":"regex","priority":1,"tenant_id":"b","enabled":false}]}',
      '# none\nmappings: []\n',
    ],
    words: [
      ...jsonWords,
      '\n  - ',
      '&a ',
      '*a',
      '!!binary ',
      '|\n',
      '>-\n',
      '---\n',
      '? ',
      '<<: ',
      'pattern: ',
      "'",
      '#',
    ],
    async run(bytes) {
      for (const format of ['yaml', 'json'] as const)
        try {
          const { rows, faults } = await readDocument(format, bytes);
          assert.ok(faults.first.length <= faults.count && rows.length <= 200_000);
        } catch (error) {
          if (!(error instanceof DocumentFault)) throw error;
        }
    },
  },
  urls: {
    seeds: ['/v1/chat/completions?a=b', '/anthropic/v1/messages', '*', 'http://x/v1/models'],
    words: ['?', '%2e', '//', '..', '#', '\\'],
    run: bytes => {
      findOperation('POST', latin1(bytes));
    },
  },
  logLine: {
    seeds: ['dept-prod', '/v1/messages?key=x', 'm"\\\n\u001b[31m'],
    words: ['"', '\\', '\n', '\u2028', '\u001b', '\ud800'],
    run(bytes) {
      const text = bytes.toString('utf8');
      const outcome = {
        ...{ requestId: text, outcome: 'served' as const, status: 200, method: 'POST', path: text, keyId: 1 },
        ...{ flowId: text, mappingId: null, asked: text.slice(0, 16), level: 3 as const, source: 'header' as const },
        isRaised: true,
        ...{
          model: text,
          provider: 'p',
          pool: 'p',
          isGranted: true,
          waitMs: 1,
          durationMs: 2,
          usage: null,
          upstreamRequestId: null,
          upstreamFault: null,
          attempts: [],
          spilledFrom: null,
        },
      };
      const json = jsonRequestLine(outcome, 0);
      assert.ok(!json.includes('\n'));
      JSON.parse(json);
      assert.ok(!/\p{Cc}/u.test(prettyRequestLine(outcome, '[INFO]')));
    },
  },
  patterns: {
    seeds: ['tok_prod*', '^tok_(a|b)[0-9]{3,9}$', `sha256:${'ab'.repeat(32)}`, '*', '(?i)x'],
    words: ['(', ')', '[', ']', '{1,100}', '*', '+', '?', '|', '\\p{L}', '(?:', '\\', '^', '$', '[^a]'],
    run(bytes) {
      const text = bytes.toString('utf8').slice(0, 600);
      for (const type of ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const) parsePattern(type, text);
    },
  },
  rules: {
    seeds: ['mon,tue', '09:00', 'Europe/Berlin', '2026-01-31T12:00:00Z', 'a@b'],
    words: [',', ':', 'T', 'Z', '+25:00', '@', '9999', '/'],
    run(bytes) {
      const text = bytes.toString('utf8').slice(0, 400);
      parseRule({ weekdays: text, start_time: text, end_time: text, zone: text });
      flowSafe(() => parseInstant(text, 'at'));
      flowSafe(() => parseEmail(text));
    },
  },
  settingFile: {
    seeds: ['[gateway]\nport = 1 \n; x\n[provider.a]\nbase_url = "http://x"\n'],
    words: ['[', ']', '=', '"', "'", ';', '#', '\n', '\r\n', '\ufeff', '__proto__', '.'],
    run: bytes => {
      readSettingFile(bytes.toString('utf8'), new FaultList());
    },
  },
};

const list = Object.entries(targets).map(([name, target]) => ({
  name,
  corpus: { seeds: target.seeds.map(seed => Buffer.from(seed as string)), words: target.words },
  run: target.run,
}));
const casesPerStep = 20;
/** Far more than any of them needs, even on a busy machine. */
const mostMs = 3_000;

export const parsers: Campaign = {
  name: 'parsers',
  share: 4,
  start: async () => ({
    async step(random) {
      for (let n = 0; n < casesPerStep; n++) {
        const target = list[random.integer(list.length)] ?? list[0];
        if (target === undefined) break;
        const input = mutated(target.corpus, random);
        try {
          const startedAt = performance.now();
          await within(mostMs, () => target.run(input, random));
          // Work after an await cannot be interrupted, but files are read in a thread, which can.
          assert.ok(performance.now() - startedAt < mostMs, 'took too long');
        } catch (error) {
          throw new Finding(`${target.name}: ${error instanceof Error ? error.message : error}`, input, error);
        }
      }
      return casesPerStep;
    },
    async stop() {},
  }),
};
