/** A real HAProxy in front of several gateways, configured as in docs/operate.md. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent, request } from 'undici';
import { closedFolder } from './accounts.ts';
import { until } from './until.ts';

const places = ['haproxy', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy'];
const program = places.find(place => spawnSync(place, ['-v']).status === 0) ?? null;
/** For `test`: the reason why it cannot run here. */
export const withoutHaproxy = program === null && 'no haproxy on this machine';

export interface Balancer {
  /** Sends through the balancer; the answer's header `x-server` holds the URL of the gateway that answered. */
  send(path: string, options: { headers: Record<string, string>; body: string }): ReturnType<typeof request>;
}

const configuration = (socket: string, urls: readonly string[]) => `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option redispatch
  retries 3
  retry-on conn-failure empty-response 503
frontend clients
  bind ${socket}
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
  http-response set-header x-server %s
  default-server check inter 1s fall 2 rise 1
${urls.map(url => `  server ${new URL(url).host} ${new URL(url).host}`).join('\n')}
`;

/** Listens on a socket of its own; ends with the test. */
export async function startHaproxy(t: TestContext, urls: readonly string[]): Promise<Balancer> {
  const folder = await closedFolder('haproxy-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'clients');
  await writeFile(join(folder, 'haproxy.cfg'), configuration(socketPath, urls));
  const child = spawn(program ?? '', ['-db', '-f', join(folder, 'haproxy.cfg')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', text => (said += text));
  const ended = once(child, 'close');
  const agent = new Agent({ connect: { socketPath } });
  t.after(async () => {
    await agent.destroy();
    child.kill('SIGKILL');
    await ended;
  });
  const send: Balancer['send'] = (path, options) =>
    request(`http://balancer${path}`, { method: 'POST', ...options, dispatcher: agent });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
    return await send('/healthz', { headers: {}, body: '' }).then(
      answer => answer.body.dump().then(() => true),
      () => false,
    );
  });
  return { send };
}
