/** Gateways of one fleet, each a process of its own on one database, and load on all of them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Daemon, settingFolder, startDaemon } from './daemon.ts';
import type { FakeUpstream } from './fake-upstream.ts';
import { adminKey } from './gateway.ts';
import { until } from './until.ts';

export interface FleetGateway {
  readonly name: string;
  readonly url: string;
  readonly daemon: Daemon;
  isLiving: boolean;
  chat(options?: ChatOptions): Promise<Answered>;
  admin(method: string, path: string, body?: object): Promise<any>;
  shown(): Promise<any>;
}

interface ChatOptions {
  readonly key?: string;
  readonly priority?: number;
  /** What the upstream is to see of it; the gateway and the level by default. */
  readonly text?: string;
}

/** Status 0: its connection broke. */
export interface Answered {
  readonly status: number;
  readonly by: string;
}

export interface FleetOptions {
  readonly database: string;
  readonly upstream: FakeUpstream;
  readonly seats: number;
  readonly cluster?: string;
  readonly pool?: string;
}

export async function startFleetGateway(t: TestContext, name: string, options: FleetOptions): Promise<FleetGateway> {
  const { database, upstream, seats, cluster = '', pool = '' } = options;
  const folder = await settingFolder(
    t,
    `[gateway]
edition = team
name = ${name}
host = 127.0.0.1
port = 0
shutdown_delay_sec = 1
data_dir = "FOLDER/data"
[database]
url = ${database}
[auth]
admin_key = ${adminKey}
[log]
format = json
[cluster]
enabled = true
${cluster}
[provider.gpu]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = ${seats}
[pool.gpu]
${pool}`,
  );
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
  const url = /Listening on (http:[^\s"]+)/.exec(await daemon.said('"Ready'))?.[1] ?? '';
  const gateway: FleetGateway = {
    name,
    url,
    daemon,
    isLiving: true,
    chat: options => chat(url, name, options),
    admin: (method, path, body) => admin(url, method, path, body),
    shown: () => admin(url, 'GET', '/admin/fleet'),
  };
  void daemon.exited.then(() => {
    gateway.isLiving = false;
  });
  return gateway;
}

async function admin(url: string, method: string, path: string, body?: object): Promise<any> {
  const headers = { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': 'application/json' }) };
  return (await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })).json();
}

/** Of a user of its own, which is a tenant. */
export async function createKey({ admin }: FleetGateway): Promise<string> {
  const email = `user-${crypto.randomUUID()}@example.com`;
  const { id } = await admin('POST', '/admin/users', { email, role: 'gateway_user' });
  return (await admin('POST', '/admin/api-keys', { user_id: id })).key;
}

async function chat(url: string, by: string, options: ChatOptions = {}): Promise<Answered> {
  const { key = adminKey, priority = 3, text = `${by} P${priority}` } = options;
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-priority': String(priority),
      },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: text }] }),
    });
    await answer.text();
    return { status: answer.status, by };
  } catch {
    return { status: 0, by };
  }
}

/** Starts them one after the other, so that the first conducts; resolves once all are members of it. */
export async function startFleet(t: TestContext, count: number, options: FleetOptions): Promise<FleetGateway[]> {
  const gateways: FleetGateway[] = [];
  for (let at = 0; at < count; at++) gateways.push(await startFleetGateway(t, `gateway-${at}`, options));
  await untilOrdered(gateways);
  return gateways;
}

/** All that live know the same conductor, and each other. */
export const untilOrdered = (gateways: readonly FleetGateway[]): Promise<void> =>
  until(async () => {
    const living = gateways.filter(({ isLiving }) => isLiving);
    const shown = await Promise.all(living.map(gateway => gateway.shown()));
    return shown.every(
      ({ conductor, members }) =>
        conductor !== null && conductor === shown[0].conductor && members.length === living.length,
    );
  });

export async function conductorOf(gateways: readonly FleetGateway[]): Promise<FleetGateway> {
  for (const gateway of gateways.filter(({ isLiving }) => isLiving)) {
    const { conductor, members } = await gateway.shown();
    const name = members.find((member: any) => member.member_id === conductor)?.name;
    const found = gateways.find(one => one.name === name && one.isLiving);
    if (found !== undefined) return found;
  }
  throw new Error('nobody conducts');
}

/** Clients that ask again as soon as they are answered, on each gateway, until `stop`. */
export function startLoad(gateways: readonly FleetGateway[], clientsEach: number, options: ChatOptions = {}) {
  const answers: Answered[] = [];
  let isOver = false;
  const client = async (gateway: FleetGateway) => {
    while (!isOver && gateway.isLiving) answers.push(await gateway.chat(options));
  };
  const clients = gateways.flatMap(gateway => Array.from({ length: clientsEach }, () => client(gateway)));
  return {
    answers,
    /** Resolves when all that was asked is answered. */
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

/** Once answers have come from a gateway after now. */
export async function untilServed(answers: readonly Answered[], by: string, more: number): Promise<void> {
  const before = answers.length;
  await until(
    () => answers.slice(before).filter(({ status, by: from }) => status === 200 && from === by).length >= more,
  );
}

/** A connection path that can fall silent: it takes connections, and lets no byte through. */
export async function startSilencer(t: TestContext, port: number) {
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer(near => {
    sockets.add(near.on('error', () => {}));
    if (isSilent) return;
    const far = connect(port, '127.0.0.1');
    sockets.add(far.on('error', () => near.destroy()).on('close', () => near.destroy()));
    near.on('close', () => far.destroy());
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('data', piece => isSilent || other.write(piece));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  t.after(close);
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isSilent = true;
    },
    mend: () => {
      isSilent = false;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    /** Refuses, as the address of a process that is gone. */
    close,
  };
}
