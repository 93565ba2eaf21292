/** A whole gateway before several fake upstreams, the endpoints of one provider. */
import type { TestContext } from 'node:test';
import { type FakeUpstream, type Reply, type SeenRequest, startFakeUpstream } from './fake-upstream.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { ManualClock } from './manual-clock.ts';
import { until } from './until.ts';

interface ReplicasOptions {
  readonly count: number;
  /** Of each. */
  readonly seats?: number;
  readonly reply?: Reply | ((request: SeenRequest) => Reply);
  readonly dialect?: 'openai' | 'anthropic';
  /** Further keys of the provider, one per line. */
  readonly provider?: string;
  /** Further sections. */
  readonly sections?: string;
  /** By default one that only the test advances; null: the time of the system. */
  readonly clock?: ManualClock | null;
}

export interface Replicas {
  readonly gateway: TestGateway;
  readonly upstreams: readonly FakeUpstream[];
  readonly clock: ManualClock;
  /** Of several tenants: the failures of one alone close nothing. */
  readonly keys: readonly string[];
  /** Starts a fake upstream where the killed one was. */
  revive(killed: string): Promise<FakeUpstream>;
  /** The seats of the pool now. */
  seats(): Promise<number>;
  waiting(): Promise<number>;
  /** Resolves once nothing runs or waits any more. */
  quiet(): Promise<void>;
}

const tenants = 4;

export async function startReplicas(t: TestContext, options: ReplicasOptions): Promise<Replicas> {
  const { count, seats = 8, reply = {}, dialect = 'openai', provider = '', sections = '', clock } = options;
  const upstreams = await Promise.all(Array.from({ length: count }, () => startFakeUpstream(t, reply)));
  const urls = upstreams.map(({ url }) => (dialect === 'openai' ? `${url}/v1` : url));
  const ini = `
[provider.main]
type = ${dialect}
base_url = ${urls.join(', ')}
max_concurrent = ${seats}
${provider}
${sections}`;
  const manual = clock ?? new ManualClock();
  const gateway = await startGateway(t, { ini, ...(clock === null ? {} : { overrides: { clock: manual } }) });
  const keys = await Promise.all(Array.from({ length: tenants }, () => gateway.createKey()));
  const pool = () => gateway.pool('main');
  const waiting = async () => {
    const { levels } = await pool();
    return levels.reduce((sum: number, level: { waiting: number }) => sum + level.waiting, 0);
  };
  return {
    gateway,
    upstreams,
    clock: manual,
    keys,
    revive: killed => startFakeUpstream(t, {}, { at: { host: '127.0.0.1', port: Number(new URL(killed).port) } }),
    seats: async () => (await pool()).seats,
    waiting,
    quiet: () => until(async () => (await pool()).in_use === 0 && (await waiting()) === 0),
  };
}

/** How an answer ended, as far as its client can tell. */
export interface Answered {
  readonly status: number;
  /** The calls of upstreams that the gateway tells of. */
  readonly attempts: number;
  readonly text: string;
  readonly isWhole: boolean;
}

/** Reads an answer to its end; one that never began rejects. */
export async function answered(asked: Promise<Response>): Promise<Answered> {
  const answer = await asked;
  const text = await answer.text().catch(() => null);
  return {
    status: answer.status,
    attempts: Number(answer.headers.get('x-tokligence-attempts')),
    text: text ?? '',
    isWhole: text !== null,
  };
}

/** Takes turns of the keys. */
export const nth = <T>(all: readonly T[], index: number): T => {
  const one = all[index % all.length];
  if (one === undefined) throw new Error('there is none');
  return one;
};
