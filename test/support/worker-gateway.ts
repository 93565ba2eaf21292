/** A gateway of several processes, as an operator starts it, and connections to each of them. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { adminKey } from './admin-key.ts';
import { type Daemon, settingFolder, startDaemon } from './daemon.ts';
import { until } from './until.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: any;
}

export interface Asked {
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/** One connection, to one worker. */
export interface WorkerClient {
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
  chat(key: string, body?: object): Promise<Answer>;
  close(): void;
}

export interface WorkerGateway {
  readonly url: string;
  readonly folder: string;
  readonly daemon: Daemon;
  /** The process of a worker that is ready. */
  pidOf(worker: number): number;
  /** A connection that this worker has been given. */
  client(worker: number): Promise<WorkerClient>;
  /** The log so far, line by line. */
  log(): any[];
}

interface WorkerGatewayOptions {
  /** Of `[gateway]`, `[cluster]` and so on. */
  readonly ini: string;
  readonly env?: Record<string, string>;
}

export const workerSettings = ({ database = '', workers = 2, grace = 5, gateway = '', rest = '' }): string => `
[gateway]
edition = team
name = gw
port = 0
workers = ${workers}
data_dir = "FOLDER/data"
shutdown_grace_sec = ${grace}
${gateway}
[database]
url = ${database}
[log]
format = json
${rest}`;

export async function startWorkerGateway(t: TestContext, options: WorkerGatewayOptions): Promise<WorkerGateway> {
  const folder = await settingFolder(t, options.ini);
  return startWorkersIn(t, folder, options.env);
}

/** The same on the settings and the data that are there. */
export async function startWorkersIn(t: TestContext, folder: string, env = {}): Promise<WorkerGateway> {
  const args = ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')];
  const daemon = startDaemon(t, process.execPath, args, env);
  const url = /Listening on (http:[^\s"]+)/.exec(await daemon.said(/"Ready"|\] Ready/))?.[1] ?? '';
  const clients = new Set<WorkerClient>();
  t.after(() => {
    for (const client of clients) client.close();
  });
  const pidOf = (worker: number) => {
    const [last] = [...daemon.output.matchAll(new RegExp(`Worker ${worker} \\(process (\\d+)\\) is ready`, 'g'))].slice(
      -1,
    );
    return Number(last?.[1]);
  };
  return {
    url,
    folder,
    daemon,
    pidOf,
    client: worker => connectTo(url, worker, clients),
    log: () => linesOf(daemon.output),
  };
}

/** All that are whole. */
export const linesOf = (output: string): any[] =>
  output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line));

/** Connections are given to the workers in turn, so a few are tried. */
async function connectTo(url: string, worker: number, clients: Set<WorkerClient>): Promise<WorkerClient> {
  let found: WorkerClient | null = null;
  await until(async () => {
    const client = clientOf(url);
    const { headers } = await client.ask('GET', '/healthz').catch(() => ({ headers: {} as IncomingHttpHeaders }));
    if (headers['x-tokligence-gateway'] === `gw/${worker}`) found = client;
    else client.close();
    return found !== null;
  });
  if (found === null) throw new Error(`no connection to worker ${worker}`);
  clients.add(found);
  return found;
}

function clientOf(url: string): WorkerClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask: WorkerClient['ask'] = (method, path, asked = {}) => answered(agent, url + path, method, asked);
  return {
    ask,
    chat: (key, body = { model: 'm', messages: [] }) => ask('POST', '/v1/chat/completions', { key, body }),
    close: () => agent.destroy(),
  };
}

function answered(agent: Agent, url: string, method: string, { key, headers, body }: Asked): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const given = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
    ...headers,
  };
  const asking = request(url, { agent, method, headers: given }, answer => {
    let text = '';
    answer.setEncoding('utf8').on('data', piece => {
      text += piece;
    });
    answer.on('error', reject);
    answer.on('end', () => {
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        text,
        body: isJson ? JSON.parse(text) : null,
      });
    });
  });
  asking.on('error', reject);
  asking.end(sent);
  return promise;
}

/** A key of a user of its own, which is a tenant. */
export async function createKey(client: WorkerClient): Promise<{ id: number; userId: number; key: string }> {
  const user = { email: `user-${crypto.randomUUID()}@example.com`, role: 'gateway_user' };
  const { body: created } = await client.ask('POST', '/admin/users', { key: adminKey, body: user });
  const { body } = await client.ask('POST', '/admin/api-keys', { key: adminKey, body: { user_id: created.id } });
  return { id: body.id, userId: created.id, key: body.key };
}
