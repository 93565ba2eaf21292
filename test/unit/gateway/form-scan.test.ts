// What is read of a multipart body, whatever its pieces, and which bodies are refused since readers differ in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../../bench/sim/random.ts';
import { GatewayError } from '../../../src/domain/errors.ts';
import type { ScannedBody } from '../../../src/gateway/receiving/body-scan.ts';
import { FormScan } from '../../../src/gateway/receiving/form/form-scan.ts';
import { boundaryIn } from '../../../src/gateway/receiving/form/form-type.ts';
import { mutated } from '../../fuzz/mutate.ts';

interface Part {
  readonly name: string;
  readonly content: string | Buffer;
  readonly filename?: string;
  readonly type?: string;
}

const boundary = 'XyZ';

function form(parts: readonly Part[], { before = '', after = '\r\n' } = {}): Buffer {
  const pieces: Buffer[] = [Buffer.from(before)];
  for (const { name, content, filename, type } of parts) {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    const head = `Content-Disposition: form-data; name="${name}"${file}${type ? `\r\nContent-Type: ${type}` : ''}`;
    pieces.push(Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), Buffer.from(content as string), Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--${after}`)]);
}

function scan(body: Buffer | string, cuts: readonly number[] = [], needsModel = true): ScannedBody {
  const bytes = Buffer.from(body as string);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const scanned = new FormScan(boundary, needsModel);
  for (const [index, end] of [...ends, bytes.length].entries()) scanned.push(bytes.subarray(ends[index - 1] ?? 0, end));
  return scanned.end();
}

/** The message; whatever the pieces, it must be the same. */
function faultOf(body: Buffer | string, needsModel = true): string {
  const bytes = Buffer.from(body as string);
  const said = new Set<string>();
  const every = Array.from({ length: bytes.length }, (_, at) => at);
  for (const cuts of [[], every, ...every.filter(at => at % 7 === 0).map(at => [at])]) {
    try {
      const { model } = scan(bytes, cuts, needsModel);
      said.add(`no fault, model ${model}`);
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
      assert.equal(error.code, 'invalid_request');
      said.add(error.message);
    }
  }
  assert.equal(said.size, 1, [...said].join(' | '));
  return [...said][0] ?? '';
}

const file = { name: 'file', filename: 'a.wav', type: 'audio/wav' };
const model = { name: 'model', content: 'whisper-1' };

test('the model is read wherever it stands, and files are counted, however the body is cut', () => {
  const content = Buffer.from(`RIFF\r\n\r\n--\r\n--Xy\r\n-- ${boundary}\r\n\r\n.--${boundary}--${boundary}\r\n--\r\n-`);
  for (const parts of [
    [{ ...file, content }, model],
    [model, { ...file, content }],
    [{ ...file, content: '' }, model, { name: 'stream', content: 'true' }],
  ]) {
    const body = form(parts, { before: 'a preamble\r\n', after: '\r\nan epilogue' });
    const whole = scan(body);
    assert.equal(whole.model, 'whisper-1');
    assert.equal(whole.stream, parts.length === 3);
    assert.equal(whole.media.otherBytes, parts.length === 3 ? 0 : content.length);
    for (let cut = 1; cut < body.length; cut++) {
      assert.deepEqual(scan(body, [cut]), whole, `cut at ${cut}`);
      assert.deepEqual(scan(body, [cut, cut + 1, cut + 3]), whole, `cut at ${cut}, and twice more`);
    }
    assert.deepEqual(
      scan(
        body,
        Array.from({ length: body.length }, (_, at) => at),
      ),
      whole,
      'byte by byte',
    );
  }
});

test('random forms in random pieces are read as they were written', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.stringMatching(/^[\r\n\-XyZ ]{0,40}$/));
  const part = fc.record({
    name: fc.constantFrom('file', 'prompt', 'image', 'language'),
    content: text.map(content => Buffer.from(content)),
    filename: fc.option(fc.constantFrom('a.wav', 'C:\\a.wav', 'ü.png', 'a\\"b'), { nil: undefined }),
    type: fc.option(fc.constantFrom('image/png', 'audio/wav'), { nil: undefined }),
  });
  // What a reader may take for a boundary is refused, and tried below.
  const isUnclear = ({ content }: { content: Buffer }) => /(?:^|[\r\n])--XyZ/.test(content.toString('latin1'));
  const cuts = fc.array(fc.nat(600), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.nat(5), cuts, (parts, at, cuts) => {
      const all = parts.filter(one => !isUnclear(one)) as Part[];
      const sent = [...all.slice(0, at), model, ...all.slice(at)];
      const files = all.filter(({ filename }) => filename !== undefined);
      const isImage = ({ name, type }: Part) => type === 'image/png' || name === 'image';
      const bytes = (some: Part[]) => some.reduce((sum, { content }) => sum + content.length, 0);
      const read = scan(form(sent), cuts);
      assert.equal(read.model, 'whisper-1');
      assert.deepEqual(
        { ...read.media },
        {
          bytes: bytes(files),
          images: files.filter(isImage).length,
          otherBytes: bytes(files.filter(one => !isImage(one))),
        },
      );
    }),
    { numRuns: 2_000 },
  );
});

test('what is accepted of mutated forms has the same model for another reader', async () => {
  const form = ['file"; filename="a.wav', 'model', 'prompt']
    .map((name, at) => `--XyZ\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nv${at}\r\n`)
    .join('');
  const disposition = 'Content-Disposition: form-data; name="model"';
  const corpus = {
    seeds: [Buffer.from(`${form}--XyZ--\r\n`)],
    words: [
      ...[
        '--XyZ',
        '\r\n--XyZ',
        '--',
        '\r\n',
        '\n',
        '\r',
        '\r\n\r\n',
        ' ',
        '; ',
        '\\"',
        '"',
        ' name=model',
        "name*=''model",
      ],
      ...[disposition, `--XyZ\r\n${disposition}\r\n\r\nother\r\n`, '--XyZ--\r\n'],
    ],
  };
  const headers = { 'content-type': 'multipart/form-data; boundary=XyZ' };
  let compared = 0;
  for (let seed = 1; seed <= 6_000; seed++) {
    const body = mutated(corpus, new Random(seed));
    const own = modelOrNull(body);
    const other =
      own === null ? null : await new Response(new Uint8Array(body), { headers }).formData().catch(() => null);
    if (other === null) continue;
    compared++;
    const models = other.getAll('model').map(String);
    assert.ok(models.length === 0 ? own === '' : models.every(model => model === own), body.toString('latin1'));
  }
  assert.ok(compared > 500, `${compared}`);
});

function modelOrNull(body: Buffer): string | null {
  try {
    return scan(body, [], false).model;
  } catch (error) {
    if (error instanceof GatewayError) return null;
    throw error;
  }
}

test('a model that is named twice alike is one, two different ones are refused', () => {
  assert.equal(scan(form([model, { ...file, content: 'x' }, model])).model, 'whisper-1');
  assert.match(faultOf(form([model, { name: 'model', content: 'gpt-4o-transcribe' }])), /two different models/);
});

test('a form that readers may read differently is refused, however it is cut', () => {
  const head = 'Content-Disposition: form-data; name="model"';
  const part = `--XyZ\r\n${head}\r\n\r\nm\r\n`;
  const faults: [string, string, RegExp][] = [
    ['blanks after the boundary', `--XyZ \r\n${head}\r\n\r\nm\r\n--XyZ--\r\n`, /something else than CR LF or -- after/],
    ['a bare LF after the boundary', `--XyZ\n${head}\n\nm\n--XyZ--\n`, /something else than CR LF or -- after/],
    ['a bare CR after the boundary', `--XyZ\r${head}\r\n\r\nm\r\n--XyZ--`, /something else than CR LF or -- after/],
    [
      'a longer text after the boundary',
      `${part}--XyZq\r\n${head}\r\n\r\nm\r\n--XyZ--`,
      /something else than CR LF or -- after/,
    ],
    ['one hyphen after the boundary', `${part}--XyZ-\r\n--XyZ--`, /something else than CR LF or -- after/],
    ['a boundary within a line of the preamble', `x--XyZ\r\n${head}\r\n\r\nm\r\n--XyZ--`, /boundary within a line/],
    ['a boundary within a line of the epilogue', `${part}--XyZ--\r\nx--XyZ--`, /has more after its end/],
    ['a boundary after a bare LF', `${part.slice(0, -2)}\n--XyZ--\r\n`, /a line that does not end in CR LF/],
    ['a boundary after a bare CR', `${part.slice(0, -2)}\r--XyZ--\r\n`, /a line that does not end in CR LF/],
    ['a boundary after a bare LF in the preamble', `x\n${part}--XyZ--`, /a line that does not end in CR LF/],
    [
      'no line break before the boundary',
      `--XyZ\r\n${head}\r\n\r\n--XyZ--`,
      /without a line break before its boundary/,
    ],
    ['text after the end', `${part}--XyZ--x`, /something else than CR LF after its end/],
    ['a part after the end', `${part}--XyZ--\r\n${part}--XyZ--`, /has more after its end/],
    ['a part after the epilogue', `${part}--XyZ--\r\nbye\r\n${part}--XyZ--`, /has more after its end/],
    ['no end', part, /ends too early/],
    ['half an end', `${part}--XyZ-`, /ends too early/],
    ['no line after the boundary', `${part}--XyZ`, /ends too early/],
    ['the CR of the last line only', `${part}--XyZ--\r`, /ends too early/],
    ['no part but a preamble', 'hello', /ends too early/],
    ['an end in a head', '--XyZ\r\nContent-Disposition: form-data; name="mo', /ends too early/],
    ['no headers', '--XyZ\r\n\r\nm\r\n--XyZ--', /malformed header/],
    ['a header without a colon', `--XyZ\r\n${head}\r\nx\r\n\r\nm\r\n--XyZ--`, /malformed header/],
    [
      'a folded header',
      '--XyZ\r\nContent-Disposition: form-data;\r\n name="model"\r\n\r\nm\r\n--XyZ--',
      /malformed header/,
    ],
    ['a bare LF in a head', `--XyZ\r\n${head}\nX: y\r\n\r\nm\r\n--XyZ--`, /malformed header/],
    ['two dispositions', `--XyZ\r\n${head}\r\n${head}\r\n\r\nm\r\n--XyZ--`, /has a header twice/],
    [
      'another disposition',
      '--XyZ\r\nContent-Disposition: attachment; name="model"\r\n\r\nm\r\n--XyZ--',
      /no Content-Disp/,
    ],
    ['no name', '--XyZ\r\nContent-Disposition: form-data\r\n\r\nm\r\n--XyZ--', /no Content-Disp/],
    ['two names', `--XyZ\r\n${head}; name="x"\r\n\r\nm\r\n--XyZ--`, /no Content-Disp/],
    ['an extended name', `--XyZ\r\n${head}; name*=utf-8''x\r\n\r\nm\r\n--XyZ--`, /no Content-Disp/],
    ['an open quote', '--XyZ\r\nContent-Disposition: form-data; name="model\r\n\r\nm\r\n--XyZ--', /no Content-Disp/],
    ['an encoding', `--XyZ\r\n${head}\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ==\r\n--XyZ--`, /is encoded/],
    ['a model that is a file', `--XyZ\r\n${head}; filename="m"\r\n\r\nm\r\n--XyZ--`, /must be a text, not a file/],
    [
      'a model in latin1',
      '--XyZ\r\nContent-Disposition: form-data; name="model"\r\n\r\n\xff\r\n--XyZ--',
      /text in UTF-8/,
    ],
    ['an empty model', `--XyZ\r\n${head}\r\n\r\n\r\n--XyZ--`, /must not be empty/],
    ['no model', '--XyZ\r\nContent-Disposition: form-data; name="x"\r\n\r\nm\r\n--XyZ--', /`model` is missing/],
    ['a long model', form([{ name: 'model', content: 'x'.repeat(1025) }]).toString(), /at most 1,000 characters/],
    [
      'an odd stream',
      form([model, { name: 'stream', content: 'perhaps' }]).toString(),
      /`stream` must be true or false/,
    ],
  ];
  for (const [what, body, expected] of faults) assert.match(faultOf(Buffer.from(body, 'latin1')), expected, what);
  assert.equal(faultOf(`${part}--XyZ--`), 'no fault, model m', 'the last line break may be missing');
  assert.equal(faultOf(form([{ name: 'x', content: 'y' }]), false), 'no fault, model ', 'where none is needed');
});

test('a head without an end, and parts without number, are refused early', () => {
  const scanned = new FormScan(boundary, true);
  scanned.push(Buffer.from('--XyZ\r\n'));
  let pushed = 0;
  assert.throws(() => {
    for (; pushed < 100_000; pushed += 100) scanned.push(Buffer.from('X'.repeat(100)));
  }, /more than 8 KiB of headers/);
  assert.ok(pushed < 8_400);
  const many = Array.from({ length: 1_001 }, () => ({ name: 'x', content: '' }));
  assert.throws(() => scan(form(many)), /more than 1000 parts/);
});

test('a file of boundaries that begin no line takes no more than a moment', () => {
  const content = Buffer.alloc(8 * 2 ** 20, '--XyZ');
  const before = process.cpuUsage();
  assert.equal(
    scan(form([{ ...file, content: Buffer.concat([Buffer.from('.'), content]) }, model]), [1_000_000]).model,
    'whisper-1',
  );
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`);
});

test('the boundary is read as it may be written, and anything else is refused', () => {
  for (const [type, expected] of [
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;boundary="a b,c"', 'a b,c'],
    ['multipart/form-data; charset=utf-8; BOUNDARY=----WebKitFormBoundaryx', '----WebKitFormBoundaryx'],
    ["multipart/form-data; boundary='(a)+_-./:=?", "'(a)+_-./:=?"],
  ] as const)
    assert.equal(boundaryIn(type), expected, type);
  const refused = (type: string) => {
    try {
      return boundaryIn(type);
    } catch (error) {
      return error instanceof GatewayError ? error.status : String(error);
    }
  };
  for (const type of ['multipart/mixed; boundary=a', 'multipart/form-dataX; boundary=a'])
    assert.equal(refused(type), 415, type);
  for (const type of [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="a',
    'multipart/form-data; boundary="a "',
    'multipart/form-data; boundary=a; boundary=b',
    'multipart/form-data; boundary=a, multipart/form-data; boundary=a',
    `multipart/form-data; boundary=${'a'.repeat(201)}`,
    'multipart/form-data; boundary=\u00e9',
  ])
    assert.equal(refused(type), 400, type);
});
