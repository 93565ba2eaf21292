/** Gateways of one fleet, each a process of its own on one database. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { adminKey } from './admin-key.ts';
import { type Daemon, settingFolder, startDaemon } from './daemon.ts';
import type { FakeUpstream } from './fake-upstream.ts';
import { type Answered, type Asked, ask } from './fleet-requests.ts';
import { until } from './until.ts';

export interface FleetGateway {
  readonly name: string;
  readonly url: string;
  readonly daemon: Daemon;
  isLiving: boolean;
  chat(asked?: Asked): Promise<Answered>;
  admin(method: string, path: string, body?: object): Promise<any>;
  shown(): Promise<any>;
}

export interface FleetOptions {
  readonly database: string;
  readonly upstream: FakeUpstream;
  readonly seats: number;
  /** Lines of these sections. */
  readonly gateway?: string;
  readonly cluster?: string;
  /** The same, of each gateway. */
  readonly gatewayOf?: (at: number) => string;
  readonly clusterOf?: (at: number) => string;
  readonly pool?: string;
  /** Further sections. */
  readonly sections?: string;
  /** What it logs once it can be used; that it is ready by default. */
  readonly started?: string;
}

/** The shortest times that are allowed. */
export const hasty = 'ttl_sec = 3\ndead_after_sec = 4\nabandoned_after_sec = 7';

const iniOf = (
  name: string,
  { database, upstream, seats, gateway = 'port = 0', cluster = '', pool = '', sections = '' }: FleetOptions,
) => `[gateway]
edition = team
name = ${name}
host = 127.0.0.1
shutdown_delay_sec = 1
data_dir = "FOLDER/data"
${gateway}
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
${pool}
${sections}`;

export async function startFleetGateway(t: TestContext, name: string, options: FleetOptions): Promise<FleetGateway> {
  const folder = await settingFolder(t, iniOf(name, options));
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
  const url = /Listening on (http:[^\s"]+)/.exec(await daemon.said(options.started ?? '"Ready'))?.[1] ?? '';
  const gateway: FleetGateway = {
    name,
    url,
    daemon,
    isLiving: true,
    chat: asked => ask(url, name, asked),
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
export async function createKey({ admin }: FleetGateway, prefix?: string): Promise<string> {
  const email = `user-${crypto.randomUUID()}@example.com`;
  const { id } = await admin('POST', '/admin/users', { email, role: 'gateway_user' });
  return (await admin('POST', '/admin/api-keys', { user_id: id, ...(prefix && { prefix }) })).key;
}

/** The first conducts; resolves once all are members of it. */
export async function startFleet(t: TestContext, count: number, options: FleetOptions): Promise<FleetGateway[]> {
  const { gateway = 'port = 0', cluster = '', gatewayOf = () => gateway, clusterOf = () => cluster } = options;
  const start = (at: number) =>
    startFleetGateway(t, `gateway-${at}`, { ...options, gateway: gatewayOf(at), cluster: clusterOf(at) });
  const first = await start(0);
  const others = Array.from({ length: count - 1 }, (_, at) => start(at + 1));
  const gateways = [first, ...(await Promise.all(others))];
  await untilOrdered(gateways);
  return gateways;
}

export const livingOf = (gateways: readonly FleetGateway[]): FleetGateway[] =>
  gateways.filter(({ isLiving }) => isLiving);

/** All that live know the same conductor, and each other. */
export const untilOrdered = (gateways: readonly FleetGateway[]): Promise<void> =>
  until(async () => {
    const living = livingOf(gateways);
    const shown = await Promise.all(living.map(gateway => gateway.shown()));
    return shown.every(
      ({ conductor, members }) =>
        conductor !== null && conductor === shown[0].conductor && members.length === living.length,
    );
  });

export async function conductorOf(gateways: readonly FleetGateway[]): Promise<FleetGateway> {
  for (const gateway of livingOf(gateways)) {
    const { conductor, members } = await gateway.shown();
    const name = members.find((member: any) => member.member_id === conductor)?.name;
    const found = gateways.find(one => one.name === name && one.isLiving);
    if (found !== undefined) return found;
  }
  throw new Error('nobody conducts');
}

/** The conductor, and one that is not. */
export async function rolesOf(gateways: readonly FleetGateway[]) {
  const conductor = await conductorOf(gateways);
  const member = livingOf(gateways).find(gateway => gateway !== conductor);
  if (member === undefined) throw new Error('the conductor is alone');
  return { conductor, member };
}

/** Requests that wait in the pool, as its conductor counts them. */
export async function waitingIn(gateways: readonly FleetGateway[]): Promise<number> {
  const conductor = await conductorOf(gateways);
  const { pools } = await conductor.admin('GET', '/admin/scheduler/stats');
  return pools[0].levels.reduce((sum: number, level: any) => sum + level.waiting, 0);
}
