import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Dialect } from '../../src/domain/vocabulary.ts';
import { type FakeUpstream, type Reply, startFakeUpstream } from './fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from './gateway.ts';
import { until } from './until.ts';
import { openWire } from './wire.ts';

/** The result of a client: null without an answer. */
export interface Answered {
  readonly status: number | null;
  readonly body: string;
  readonly isBrokenOff?: boolean;
}

/** Lines of the sections `provider.gpu` and `pool.gpu`, a section of a tenant, and variables of the environment. */
export interface Setting {
  readonly provider?: string;
  readonly pool?: string;
  readonly tenant?: string;
  readonly env?: Record<string, string>;
  /** The base_url, where it is not the fake upstream's. */
  readonly at?: string;
}

/** One request of one dialect at a gateway that has one provider, `gpu`, of that dialect. */
export class Attempt {
  readonly dialect: Dialect;
  readonly t: TestContext;
  readonly requestId = 'the-one';
  #upstream: FakeUpstream | null = null;
  #gateway: TestGateway | null = null;

  constructor(t: TestContext, dialect: Dialect) {
    this.t = t;
    this.dialect = dialect;
  }

  get gateway(): TestGateway {
    assert.ok(this.#gateway !== null);
    return this.#gateway;
  }

  get upstream(): FakeUpstream {
    assert.ok(this.#upstream !== null);
    return this.#upstream;
  }

  get path(): string {
    return this.dialect === 'anthropic' ? '/v1/messages' : '/v1/chat/completions';
  }

  async open(reply: Reply = {}, { provider = '', pool = '', tenant = '', env = {}, at }: Setting = {}): Promise<this> {
    this.#upstream = await startFakeUpstream(this.t, reply);
    const { url } = this.#upstream;
    const base = at ?? (this.dialect === 'anthropic' ? url : `${url}/v1`);
    const ini = `[provider.gpu]\ntype = ${this.dialect}\nbase_url = ${base}\nmodels = m\n${provider}\n[pool.gpu]\n${pool}\n${tenant}`;
    this.#gateway = await startGateway(this.t, { ini, env: { TOKLIGENCE_GATEWAY_SHUTDOWN_GRACE_SEC: '0', ...env } });
    return this;
  }

  headers(more: Record<string, string> = {}): Record<string, string> {
    return {
      authorization: `Bearer ${adminKey}`,
      'content-type': 'application/json',
      'x-request-id': this.requestId,
      ...more,
    };
  }

  /** The head of a request whose body the test writes itself. */
  head(more: Record<string, string>): string {
    const lines = Object.entries({ host: 'x', ...this.headers(), ...more }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    return `POST ${this.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  }

  body(more: object = {}): string {
    return JSON.stringify({ model: 'm', messages: [], ...more });
  }

  /** Reads the answer to its end. */
  async ask(
    headers: Record<string, string> = {},
    body = this.body(),
    { path = this.path, signal }: { path?: string; signal?: AbortSignal } = {},
  ): Promise<Answered> {
    const init = { method: 'POST', headers: this.headers(headers), body, ...(signal ? { signal } : {}) };
    const answer = await fetch(this.gateway.url + path, init).catch(() => null);
    if (answer === null) return { status: null, body: '' };
    let text = '';
    try {
      for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString();
    } catch {
      return { status: answer.status, body: text, isBrokenOff: true };
    }
    return { status: answer.status, body: text };
  }

  /** Others that hold the seat, or wait before it. */
  async crowd(running: number, waiting = 0, headers: Record<string, string> = {}): Promise<void> {
    for (let count = 0; count < running + waiting; count++)
      void this.ask({ 'x-request-id': `other-${count}`, ...headers });
    await this.upstream.waitForActive(running);
    await until(async () => (await this.waitingNow()) === waiting);
  }

  async waitingNow(): Promise<number> {
    const { levels } = await this.gateway.pool('gpu');
    return levels.reduce((sum: number, { waiting }: { waiting: number }) => sum + waiting, 0);
  }

  async sendRaw(bytes: string): Promise<Answered> {
    const wire = await openWire(this.t, this.gateway.url);
    wire.send(bytes);
    const text = await wire.said(/\r\n\r\n.*\}$/s);
    return { status: Number(text.slice(9, 12)), body: text.slice(text.indexOf('\r\n\r\n') + 4) };
  }

  /** Asks, and leaves as soon as `when` has come true. */
  async leave(when: () => Promise<unknown>): Promise<Answered> {
    const leaving = new AbortController();
    const asked = this.ask({}, this.body(), { signal: leaving.signal });
    await when();
    leaving.abort();
    return asked;
  }

  async outcome(): Promise<string> {
    const find = () =>
      this.gateway.log
        .filter(line => line.includes('"outcome"'))
        .map(line => JSON.parse(line))
        .find(({ request_id: id, path }) => id === this.requestId || path === '-');
    await until(() => find() !== undefined);
    return find().outcome;
  }

  async get(path: string): Promise<string> {
    return (await fetch(this.gateway.url + path)).text();
  }
}
