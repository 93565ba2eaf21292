import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const provider = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const script = `export const text = '${'lanes '.repeat(500)}';\n`;
const secret = 'nobody may read this';

/** A build as vite makes it, with other files around it that must not be served. */
async function fixture(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'console-test-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'dist');
  const assets = join(folder, 'assets');
  await mkdir(assets, { recursive: true });
  const page =
    '<!doctype html><meta name="csp-nonce" content="%NONCE%"><script type="module" src="/console/assets/a-1.js">';
  await Promise.all([
    writeFile(join(folder, 'index.html'), page),
    writeFile(join(assets, 'a-1.js'), script),
    writeFile(join(assets, 'a-1.js.gz'), gzipSync(script)),
    writeFile(join(assets, 'a-1.js.br'), brotliCompressSync(script)),
    writeFile(join(assets, 'b-2.css'), 'body{}'),
    writeFile(join(assets, 'c-3.svg'), '<svg/>'),
    writeFile(join(assets, '.hidden'), secret),
    writeFile(join(folder, 'beside.txt'), secret),
    writeFile(join(root, 'secret.txt'), secret),
    mkdir(join(assets, 'inner')),
  ]);
  await symlink(join(root, 'secret.txt'), join(root, 'link.txt'));
  return folder;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** Bypasses fetch, which normalises paths and decompresses. */
function get(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method, headers }, async answer => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: await buffer(answer) });
    })
      .on('error', reject)
      .end();
  });
}

async function arrange(t: TestContext, { ini = '', consoleFolder = '' } = {}) {
  const folder = consoleFolder || (await fixture(t));
  const { url, app, log } = await startGateway(t, { ini: ini + provider, overrides: { consoleFolder: folder } });
  return {
    url,
    app,
    log,
    folder,
    get: (path: string, headers = {}, method = 'GET') => get(url, path, headers, method),
  };
}

const guarded = ({ headers }: Answer) => {
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.ok(!Object.keys(headers).some(name => name.startsWith('access-control')));
};

test('every address under /console is the page, with a policy of its own each time', async t => {
  const { get } = await arrange(t);
  for (const path of ['/', '/console', '/?next=//evil.example', '/console?x=1']) {
    const answer = await get(path);
    assert.deepEqual([answer.status, answer.headers.location], [302, '/console/'], path);
    guarded(answer);
  }
  const nonces = new Set<string>();
  for (const path of [
    '/console/',
    '/console/mappings',
    '/console/mappings/5?x=1',
    '/console/no/such/page',
    '/console/%20',
  ]) {
    const answer = await get(path);
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'text/html; charset=utf-8'], path);
    assert.equal(answer.headers['cache-control'], 'no-store');
    guarded(answer);
    const [, nonce = ''] = /content="([^"]+)"/.exec(answer.bytes.toString()) ?? [];
    assert.match(nonce, /^[A-Za-z0-9+/]{22}==$/);
    nonces.add(nonce);
    assert.equal(
      answer.headers['content-security-policy'],
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; ` +
        "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  }
  assert.equal(nonces.size, 5);
  await t.test('HEAD is the same without the page', async () => {
    const answer = await get('/console/lanes', {}, 'HEAD');
    assert.deepEqual([answer.status, answer.bytes.length], [200, 0]);
    assert.match(String(answer.headers['content-security-policy']), /nonce-/);
    assert.equal((await get('/', {}, 'HEAD')).status, 302);
  });
  await t.test('there is nothing to send to it', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await get('/console/mappings', {}, method);
      assert.deepEqual([answer.status, JSON.parse(answer.bytes.toString()).error.code], [404, 'not_found'], method);
    }
  });
});

test('assets are kept for ever, and come compressed as they were built', async t => {
  const { get } = await arrange(t);
  const path = '/console/assets/a-1.js';
  const plain = await get(path);
  assert.deepEqual([plain.status, plain.bytes.toString()], [200, script]);
  assert.match(plain.headers['content-type'] ?? '', /^(text|application)\/javascript/);
  guarded(plain);
  for (const answer of [plain, await get(path, { 'accept-encoding': 'br, gzip' })]) {
    assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(answer.headers.vary, 'accept-encoding');
  }
  const opened = async (accept: string) => {
    const { headers, bytes } = await get(path, { 'accept-encoding': accept });
    assert.match(headers['content-type'] ?? '', /javascript/);
    assert.equal(Number(headers['content-length']), bytes.length);
    const encoding = headers['content-encoding'] ?? 'none';
    const text = encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes;
    assert.equal(text.toString(), script);
    return encoding;
  };
  assert.equal(await opened('gzip, deflate, br'), 'br');
  assert.equal(await opened('gzip'), 'gzip');
  assert.equal(await opened('gzip;q=1, br;q=0'), 'gzip');
  assert.equal(await opened('zstd'), 'none');
  assert.equal(await opened('identity'), 'none');
  await t.test('assets that were not compressed come as they are', async () => {
    const answer = await get('/console/assets/b-2.css', { 'accept-encoding': 'br, gzip' });
    assert.deepEqual([answer.status, answer.bytes.toString()], [200, 'body{}']);
    assert.equal(answer.headers['content-encoding'], undefined);
    assert.match((await get('/console/assets/c-3.svg')).headers['content-type'] ?? '', /^image\/svg\+xml/);
  });
  await t.test('HEAD has no body, and a client that has the asset already is told so', async () => {
    const head = await get(path, {}, 'HEAD');
    assert.deepEqual([head.status, head.bytes.length, Number(head.headers['content-length'])], [200, 0, script.length]);
    const { etag = '' } = plain.headers;
    assert.match(etag, /^(W\/)?"[^"]+"$/);
    const again = await get(path, { 'if-none-match': etag });
    assert.deepEqual([again.status, again.bytes.length], [304, 0]);
    assert.equal((await get(path, { 'if-none-match': '"other"' })).status, 200);
    const compressed = await get(path, { 'accept-encoding': 'br' });
    assert.notEqual(compressed.headers.etag, etag);
  });
  await t.test('one that is not there is no page', async () => {
    for (const path of [
      '/console/assets/z-9.js',
      '/console/assets/',
      '/console/assets/inner',
      '/console/assets/inner/',
    ]) {
      const answer = await get(path, { 'accept-encoding': 'br' });
      assert.equal(answer.status, 404, path);
      assert.ok(!answer.headers['cache-control']?.includes('immutable'), path);
    }
  });
});

test('no path leads out of the assets', async t => {
  const { get } = await arrange(t);
  const paths = [
    '/console/assets/../beside.txt',
    '/console/assets/../../secret.txt',
    '/console/assets/../index.html',
    '/console/assets/%2e%2e/beside.txt',
    '/console/assets/%2e%2e%2fbeside.txt',
    '/console/assets/..%2f..%2fsecret.txt',
    '/console/assets/..%5c..%5csecret.txt',
    '/console/assets/..\\..\\secret.txt',
    '/console/assets/%252e%252e/beside.txt',
    '/console/assets/inner/../../beside.txt',
    '/console/assets//../beside.txt',
    '/console/assets/./../beside.txt',
    '/console/assets/....//beside.txt',
    '/console/assets/%00',
    '/console/assets/a-1.js%00.txt',
    '/console/assets/%c0%ae%c0%ae/beside.txt',
    '/console/assets/%ff',
    '/console/assets//etc/passwd',
    '/console/assets/.hidden',
    '/console/assets/..',
    '/console/../secret.txt',
    '/console/beside.txt',
    '/console/%2e%2e/secret.txt',
    '/beside.txt',
    '/index.html',
    '/src/http/console.ts',
    `/console/assets/${'../'.repeat(20)}etc/passwd`,
    `/console/assets/${'a'.repeat(5_000)}`,
  ];
  for (const path of paths) {
    for (const headers of [{}, { 'accept-encoding': 'br, gzip' }]) {
      const { status, bytes } = await get(path, headers);
      const text = bytes.toString('latin1');
      assert.ok(!text.includes(secret) && !text.includes('root:') && !text.includes('fastify'), path);
      // Except for the assets every address under /console is the page, whatever its name.
      const isPage = status === 200 && text.startsWith('<!doctype html>') && !path.startsWith('/console/assets/');
      assert.ok(isPage || (status >= 300 && status < 500), `${path}: ${status}`);
    }
  }
});

test('where it is not built a sentence says so, and everything else goes on', async t => {
  const consoleFolder = await mkdtemp(join(tmpdir(), 'console-test-'));
  t.after(() => rm(consoleFolder, { recursive: true, force: true }));
  const { get, log } = await arrange(t, { consoleFolder });
  assert.equal((await get('/')).headers.location, '/console/');
  for (const path of ['/console/', '/console/mappings', '/console/assets/a-1.js']) {
    const answer = await get(path);
    assert.deepEqual([answer.status, answer.headers['content-type']], [404, 'text/plain; charset=utf-8'], path);
    assert.match(answer.bytes.toString(), /not built here: npm ci builds it.*npm ci && npm prune --omit=dev/);
  }
  await until(() => log.some(line => /not built here: .*console\] enabled = false/.test(line)));
  assert.equal((await get('/healthz')).status, 200);
});

test('where it is switched off it is not there', async t => {
  const { get } = await arrange(t, { ini: '[console]\nenabled = false\n' });
  for (const path of ['/', '/console', '/console/', '/console/mappings', '/console/assets/a-1.js']) {
    const answer = await get(path);
    assert.deepEqual([answer.status, JSON.parse(answer.bytes.toString()).error.code], [404, 'not_found'], path);
  }
  assert.equal((await get('/openapi.json')).status, 200);
});

test('the page is no part of the document of the API', async t => {
  const { get } = await arrange(t);
  const { paths } = JSON.parse((await get('/openapi.json')).bytes.toString());
  assert.deepEqual(
    Object.keys(paths).filter(path => path === '/' || path.startsWith('/console')),
    [],
  );
});

test('while the gateway stops, what was begun is answered and its connection closed', async t => {
  const { url, app } = await arrange(t);
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  let text = '';
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk;
  });
  const ended = once(socket, 'close');
  const ask = 'GET /console/ HTTP/1.1\r\nhost: gateway\r\n';
  // The second request has begun to arrive when the first is answered.
  socket.write(`${ask}\r\n${ask}`);
  await until(() => text.includes('<!doctype html>'));
  assert.match(text, /connection: keep-alive/i);
  text = '';
  const stopped = app.stop();
  socket.write('\r\n');
  await ended;
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /connection: close/i);
  assert.ok(text.includes('<!doctype html>'));
  await stopped;
});
