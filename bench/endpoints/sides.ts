/** What is compared: the gateway and HAProxy, each before the same replicas. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { startTeamGateway, type TeamGateway } from '../support/gateway-process.ts';
import { haproxyDefaults, launchHaproxy } from '../support/haproxy.ts';

export interface Side {
  readonly url: string;
  readonly keys: readonly string[];
  /** Sendings of a request beyond its first, by its `X-Request-Id`, where no answer tells of them. */
  readonly retries: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Several tenants, as one whose requests alone fail closes nothing. */
const tenants = ['one', 'two', 'three', 'four'];

/** `urls`: of the replicas. `more`: further lines of the provider, and further sections. */
export async function gatewaySide(urls: readonly string[], seats: number, more = ''): Promise<Side & TeamGateway> {
  const baseUrls = urls.map(url => `${url}/v1`).join(', ');
  const gateway = await startTeamGateway(`
[provider.replicas]
type = openai
base_url = ${baseUrls}
max_concurrent = ${seats}
${more}`);
  const keys: string[] = [];
  for (const tenant of tenants) keys.push(...(await gateway.createKeys(tenant, 1)));
  return Object.assign(gateway, { keys, retries: new Map<string, number>() });
}

/** As one writes it first, and as one who knows it well may write it. */
export const haproxyRules = {
  plain: 'option redispatch',
  tuned: `option redispatch 1
  default-server observe layer4 error-limit 3 on-error mark-down slowstart 5s`,
} as const;

interface BalancerOptions {
  readonly command: string;
  readonly urls: readonly string[];
  readonly seats: number;
  readonly rules: keyof typeof haproxyRules;
}

export async function haproxySide({ command, urls, seats, rules }: BalancerOptions): Promise<Side> {
  const log = await openLog();
  const haproxy = await launchHaproxy(command, port => configuration(port, log.port, urls, seats, rules));
  return {
    url: haproxy.url,
    keys: ['tok_nobody'],
    retries: log.retries,
    async stop() {
      await haproxy.stop();
      log.close();
    },
  };
}

const configuration = (
  port: number,
  logPort: number,
  urls: readonly string[],
  seats: number,
  rules: keyof typeof haproxyRules,
): string => `
global
  log 127.0.0.1:${logPort} local0
${haproxyDefaults}
frontend models
  bind 127.0.0.1:${port}
  http-request capture req.hdr(x-request-id) len 40
  log global
  log-format "id=%[capture.req.hdr(0)] retries=%rc"
  default_backend replicas
backend replicas
  balance leastconn
  retries 2
  retry-on all-retryable-errors
  ${haproxyRules[rules]}
  option httpchk GET /v1/models
${urls.map((url, at) => `  server r${at} ${new URL(url).host} check inter 5s maxconn ${seats}`).join('\n')}
`;

/** HAProxy tells of retries in its log only: `+1` where the last one went to another server. */
async function openLog() {
  const retries = new Map<string, number>();
  const socket = createSocket('udp4', message => {
    const [, id, count] = /id=(\S+) retries=\+?(\d+)/.exec(message.toString('latin1')) ?? [];
    if (id !== undefined && Number(count) > 0) retries.set(id, Number(count));
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, retries, close: () => socket.close() };
}
