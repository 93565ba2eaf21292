import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { asBytes, type Reply, streamedAnswer, wholeAnswer } from './fake-answers.ts';

export type { Reply } from './fake-answers.ts';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** How it ended; null while it is in progress. */
  ended: 'answered' | 'cut' | 'left' | null;
}

type Script = Reply | ((request: SeenRequest) => Reply);

/** A real HTTP server as the upstream; it counts how many requests are really in progress at once. */
export interface FakeUpstream {
  /** Without a path: the `base_url` of an `anthropic` provider; an `openai` one takes `${url}/v1`. */
  readonly url: string;
  /** Requests in progress: from their headers to the end of the answer, or to the break of the connection. */
  readonly active: number;
  /**
   * The most requests in progress at once, over all paths or on one. Those that had been left by then are not counted,
   * even if the end of their connection was read a moment later.
   */
  readonly maxConcurrent: number;
  maxConcurrentOn(path: string): number;
  /** In the order in which their bodies were complete. */
  readonly requests: readonly SeenRequest[];
  /** Open connections. */
  readonly connections: number;
  /** Sets the answers from now on. */
  reply(script: Script): void;
  /** Releases this many holds, the oldest first; without a number all present ones. */
  release(count?: number): void;
  /** Releases all holds, including future ones. */
  open(): void;
  /** Makes holds wait again. */
  shut(): void;
  /** Resolves once exactly this many requests are in progress. */
  waitForActive(count: number): Promise<void>;
  /** Resolves once this many requests have been received in total. */
  waitForRequests(count: number): Promise<void>;
  /** Resolves once this many requests have ended in total. */
  waitForEnded(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts one on a free port of 127.0.0.1, or `at` another address of this machine; it closes after the test. A deaf one continues an answer after the other side
 * has closed its half of the connection.
 */
export async function startFakeUpstream(
  t: TestContext,
  script: Script = {},
  { isDeaf = false, at }: { isDeaf?: boolean; at?: { readonly host: string; readonly port: number } } = {},
): Promise<FakeUpstream> {
  const upstream = new Fake(script, isDeaf);
  await upstream.listen(at);
  t.after(() => upstream.close());
  return upstream;
}

/** In turns of the event loop: after the last of them all is read that the kernel knew when a request began. */
const turnsToRead = 4;

/** The most at once. */
class Peak {
  #active = 0;
  #left = 0;
  #settled = 0;
  /** What was counted at the begin of a request, until what had been left by then is known. */
  readonly #seen = new Set<number>();

  get max(): number {
    return Math.max(this.#settled, ...this.#seen);
  }

  began(): void {
    this.#active++;
    if (this.#active <= this.#settled || this.#seen.has(this.#active)) return;
    this.#seen.add(this.#active);
    void this.#settle(this.#active, this.#left);
  }

  ended(how: 'answered' | 'cut' | 'left'): void {
    this.#active--;
    if (how === 'left') this.#left++;
  }

  async #settle(seen: number, left: number): Promise<void> {
    for (let turn = 0; turn < turnsToRead; turn++) await new Promise(resolve => setImmediate(resolve));
    this.#seen.delete(seen);
    this.#settled = Math.max(this.#settled, seen - (this.#left - left));
  }
}

class Fake implements FakeUpstream {
  readonly requests: SeenRequest[] = [];
  active = 0;
  readonly #peak = new Peak();
  #script: Script;
  readonly #server = createServer((req, res) => void this.#serve(req, res));
  readonly #sockets = new Set<Socket>();
  readonly #byPath = new Map<string, Peak>();
  readonly #holds: (() => void)[] = [];
  readonly #watchers = new Set<() => void>();
  #isOpen = false;
  #endedCount = 0;

  constructor(script: Script, isDeaf: boolean) {
    this.#script = script;
    // Missing in Node's types.
    Object.assign(this.#server, { httpAllowHalfOpen: isDeaf });
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get maxConcurrent(): number {
    return this.#peak.max;
  }

  maxConcurrentOn(path: string): number {
    return this.#byPath.get(path)?.max ?? 0;
  }

  reply(script: Script): void {
    this.#script = script;
  }

  release(count = this.#holds.length): void {
    for (const goOn of this.#holds.splice(0, count)) goOn();
  }

  open(): void {
    this.#isOpen = true;
    this.release();
  }

  shut(): void {
    this.#isOpen = false;
  }

  waitForActive(count: number): Promise<void> {
    return this.#until(() => this.active === count);
  }

  waitForRequests(count: number): Promise<void> {
    return this.#until(() => this.requests.length >= count);
  }

  waitForEnded(count: number): Promise<void> {
    return this.#until(() => this.#endedCount >= count);
  }

  listen({ host, port } = { host: '127.0.0.1', port: 0 }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise(resolve => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise(resolve => {
      const watcher = () => {
        if (!isTrue()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const end = this.#begin(req);
    let seen: SeenRequest | null = null;
    res.on('close', () => end(seen, 'left'));
    req.on('error', () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of req) chunks.push(chunk);
    } catch {
      return;
    }
    seen = {
      method: req.method ?? '',
      url: req.url ?? '',
      headers: req.headers,
      body: Buffer.concat(chunks),
      ended: null,
    };
    this.requests.push(seen);
    this.#changed();
    const reply = typeof this.#script === 'function' ? this.#script(seen) : this.#script;
    await new Answering(
      seen,
      reply,
      res,
      () => this.#hold(res),
      how => end(seen, how),
    ).run();
  }

  /** Counts a request as begun; the returned function counts it as ended, once. */
  #begin(req: IncomingMessage): (seen: SeenRequest | null, how: 'answered' | 'cut' | 'left') => void {
    const path = (req.url ?? '').split('?')[0] ?? '';
    const onPath = this.#byPath.get(path) ?? new Peak();
    this.#byPath.set(path, onPath);
    this.active++;
    const peaks = [this.#peak, onPath];
    for (const peak of peaks) peak.began();
    this.#changed();
    let isOver = false;
    return (seen, how) => {
      if (isOver) return;
      isOver = true;
      if (seen) seen.ended = how;
      this.active--;
      for (const peak of peaks) peak.ended(how);
      this.#endedCount++;
      this.#changed();
    };
  }

  /** A hold also ends when the other side leaves. */
  #hold(res: ServerResponse): Promise<void> {
    if (this.#isOpen || res.destroyed) return Promise.resolve();
    return new Promise(resolve => {
      this.#holds.push(resolve);
      res.on('close', () => {
        const at = this.#holds.indexOf(resolve);
        if (at !== -1) this.#holds.splice(at, 1);
        resolve();
      });
    });
  }
}

/** One answer in progress. */
class Answering {
  readonly #seen: SeenRequest;
  readonly #reply: Reply;
  readonly #res: ServerResponse;
  readonly #hold: () => Promise<void>;
  readonly #ended: (how: 'answered' | 'cut') => void;

  constructor(
    seen: SeenRequest,
    reply: Reply,
    res: ServerResponse,
    hold: () => Promise<void>,
    ended: (how: 'answered' | 'cut') => void,
  ) {
    this.#seen = seen;
    this.#reply = reply;
    this.#res = res;
    this.#hold = hold;
    this.#ended = ended;
  }

  async run(): Promise<void> {
    const { hold, afterMs, fault, chunks } = this.#reply;
    if (hold) await this.#hold();
    if (afterMs !== undefined) await pause(afterMs);
    if (this.#res.destroyed || fault === 'silence') return;
    if (fault === 'reset') return this.#cut();
    if (this.#reply.events !== undefined) await this.#told(this.#reply.events);
    else if (chunks === undefined) this.#whole();
    else await this.#streamed(chunks);
  }

  #cut(): void {
    this.#ended('cut');
    this.#res.socket?.resetAndDestroy();
  }

  #finish(last: string | Buffer): void {
    this.#ended('answered');
    this.#res.end(last);
  }

  #whole(): void {
    const { status = 200, headers, body, usage = true, fault } = this.#reply;
    const content = asBytes(body ?? wholeAnswer(this.#seen.url, usage));
    this.#res.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 204 ? {} : { 'content-length': content.length }),
      ...headers,
    });
    if (fault === undefined) {
      this.#finish(content);
      return;
    }
    this.#res.write(content.subarray(0, content.length / 2), () => {
      if (fault === 'break') this.#cut();
    });
  }

  async #told(events: string): Promise<void> {
    this.#res.writeHead(200, { 'content-type': 'text/event-stream' });
    await new Promise<void>(resolve => this.#res.write(events, () => resolve()));
    const { gated, fault } = this.#reply;
    if (fault === 'stall') return;
    if (fault === 'break') return this.#cut();
    if (gated) await this.#hold();
    if (!this.#res.destroyed) this.#finish('');
  }

  async #streamed(count: number): Promise<void> {
    const { status = 200, headers, usage = true, gated, fault } = this.#reply;
    const events = streamedAnswer(this.#seen.url, count, usage);
    this.#res.writeHead(status, { 'content-type': 'text/event-stream', ...headers });
    if (events.before) this.#res.write(events.before);
    else this.#res.flushHeaders();
    for (const delta of events.deltas) {
      if (gated) await this.#hold();
      if (this.#res.destroyed) return;
      await new Promise<void>(resolve => this.#res.write(delta, () => resolve()));
    }
    if (fault === 'stall' || this.#res.destroyed) return;
    if (fault === 'break') this.#cut();
    else this.#finish(events.after);
  }
}
