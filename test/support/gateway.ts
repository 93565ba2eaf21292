import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type App, type Overrides, startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import { adminKey } from './admin-key.ts';

export { adminKey };

interface GatewayOptions {
  /** A postgres:// URL makes it Team; without one it is Personal. */
  readonly database?: string;
  /** Further sections and keys of the ini file; a provider is required. */
  readonly ini: string;
  readonly env?: Record<string, string>;
  readonly overrides?: Overrides;
}

export interface TestGateway {
  readonly app: App;
  readonly url: string;
  /** The gateway's log, one entry per line. */
  readonly log: readonly string[];
  readonly dataDir: string;
  /** Calls an admin route as the root admin (or with the given key) and parses the JSON answer. */
  admin(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: any }>;
  /** Creates a gateway_user with one key, which begins with `tok_<prefix>_` if a prefix is given. */
  createKey(prefix?: string): Promise<string>;
  chat(key: string, options?: ChatOptions): Promise<Response>;
  pool(name?: string): Promise<any>;
  /** Reloads like SIGHUP, with this text instead of `ini`. */
  reload(ini: string): void;
}

interface ChatOptions {
  readonly model?: string;
  readonly stream?: boolean;
  readonly priority?: Level | string;
  readonly signal?: AbortSignal;
  readonly maxTokens?: number;
  readonly requestId?: string;
}

/** Starts a whole gateway on a free port, in this process; it is stopped when the test ends. */
export async function startGateway(t: TestContext, options: GatewayOptions): Promise<TestGateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const log: string[] = [];
  const read = (ini: string) => {
    const text = iniText({ ...options, ini }, dataDir);
    return loadConfig({ file: null, text, env: options.env ?? {}, isTerminal: false });
  };
  const { config, given } = read(options.ini);
  const app = await startApp(config, {
    given,
    logSink: text => log.push(...text.trimEnd().split('\n')),
    ...options.overrides,
  });
  t.after(() => app.stop());
  await app.ready;
  const gateway = client(app, dataDir, log);
  return { ...gateway, reload: (ini: string) => app.reload(() => read(ini)) };
}

/** A gateway whose clock stands still would be lost to the others of its fleet. */
const alone = ({ ini, overrides }: GatewayOptions): string =>
  overrides?.clock === undefined || ini.includes('[cluster]') ? '' : '[cluster]\nenabled = false';

const iniText = ({ database, ini, ...options }: GatewayOptions, dataDir: string) => `
[gateway]
edition = ${database ? 'team' : 'personal'}
port = 0
data_dir = ${JSON.stringify(dataDir)}
shutdown_grace_sec = 1
[database]
url = ${database ?? ''}
[auth]
admin_key = ${adminKey}
[log]
level = debug
format = json
${alone({ ini, ...options })}
${ini}`;

function client(app: App, dataDir: string, log: readonly string[]): Omit<TestGateway, 'reload'> {
  const { url } = app;
  const admin: TestGateway['admin'] = async (method, path, body, key = adminKey) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const createKey = async (prefix?: string) => {
    const email = `user-${crypto.randomUUID()}@example.com`;
    const user = await admin('POST', '/admin/users', { email, role: 'gateway_user' });
    const key = await admin('POST', '/admin/api-keys', { user_id: user.body.id, ...(prefix ? { prefix } : {}) });
    if (key.status !== 201) throw new Error(`no key for ${prefix}: ${JSON.stringify(key.body)}`);
    return key.body.key as string;
  };
  const chat: TestGateway['chat'] = (key, options = {}) => {
    const { model = 'm', stream = false, priority, signal, maxTokens, requestId } = options;
    return fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(priority === undefined ? {} : { 'x-priority': String(priority) }),
        ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
      },
      body: JSON.stringify({
        model,
        stream,
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        messages: [{ role: 'user', content: 'hello' }],
      }),
      ...(signal ? { signal } : {}),
    });
  };
  const pool = async (name?: string) => {
    const { body } = await admin('GET', '/admin/scheduler/stats');
    return name ? body.pools.find((one: any) => one.name === name) : body.pools[0];
  };
  return { app, url, log, dataDir, admin, createKey, chat, pool };
}
