/**
 * One of two replicas dies by SIGKILL under load and comes back: what clients see of it, how long requests are sent to it
 * in vain, and how long it takes until it has its share again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';
import { findHaproxy } from '../support/haproxy.ts';
import type { MeasuredProcess } from '../support/measured-process.ts';
import type { Row } from '../support/report.ts';
import { mean, percentile } from '../support/rounds.ts';
import { type Ended, startClients } from './clients.ts';
import { countOf, startReplica } from './replica.ts';
import { gatewaySide, haproxySide, type Side } from './sides.ts';

/** A short answer takes 50 ms, a stream 50 ms and then 2 s. */
const pace = { serviceMs: 50, chunks: 40, chunkMs: 50 };
const load = { short: 16, streams: 32 };
/** At each replica: one of them alone has room for all. */
const seats = 64;
const warmUpMs = 3_000;
/** Three checks of HAProxy, 5 s apart, must fail before it gives up a server. */
const downMs = 20_000;
const mostBackMs = 30_000;
const windowMs = 250;
/** Of the half that is its share. */
const fullShare = 0.9;

interface Round {
  /** From the kill on. */
  readonly ended: readonly (Ended & { readonly attempts: number })[];
  readonly usualMs: number;
  readonly killedAt: number;
  readonly upAgainAt: number;
  readonly fullAfterMs: number | null;
}

export async function runFailover(rounds: number): Promise<Row[]> {
  const ports = [await freePort(), await freePort()] as const;
  const replicas = await Promise.all(ports.map(port => startReplica(port, pace)));
  const urls = replicas.map(({ url }) => url);
  const haproxy = findHaproxy();
  if (haproxy === null)
    console.log('  HAProxy is not installed (Debian: apt-get install haproxy): nothing to compare with.');
  const starts: Record<string, () => Promise<Side>> = {
    gateway: () => gatewaySide(urls, seats),
    ...(haproxy && {
      HAProxy: () => haproxySide({ command: haproxy.command, urls, seats, rules: 'plain' }),
      'HAProxy, tuned': () => haproxySide({ command: haproxy.command, urls, seats, rules: 'tuned' }),
    }),
  };
  const found = new Map<string, Round[]>();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, start] of Object.entries(starts)) {
        const side = await start();
        found.set(name, [...(found.get(name) ?? []), await oneRound(side, replicas, ports)]);
        await side.stop();
      }
    }
  } finally {
    for (const replica of replicas) await replica.stop();
  }
  return [...found].flatMap(([name, all]) => rowsOf(name, all));
}

/** Leaves `replicas` as they were, the second one being another process. */
async function oneRound(side: Side, replicas: MeasuredProcess[], ports: readonly [number, number]): Promise<Round> {
  const clients = startClients({ url: side.url, keys: side.keys, ...load });
  await pause(warmUpMs);
  const calm = clients.ended.filter(({ isStream }) => !isStream).map(({ firstByteMs }) => firstByteMs);
  const usualMs = percentile(calm, 0.5);
  const killedAt = performance.now();
  await replicas[1]?.kill();
  await pause(downMs);
  replicas[1] = await startReplica(ports[1], pace);
  const upAgainAt = performance.now();
  const fullAfterMs = await untilFull(replicas, upAgainAt);
  await clients.stop();
  const ended = clients.ended
    .filter(({ sentAt, tookMs }) => sentAt + tookMs >= killedAt)
    .map(one => ({ ...one, attempts: one.attempts ?? 1 + (side.retries.get(one.id) ?? 0) }));
  return { ended, usualMs, killedAt, upAgainAt, fullAfterMs };
}

/** Null: not within the time that is given. */
async function untilFull(replicas: readonly MeasuredProcess[], upAgainAt: number): Promise<number | null> {
  await Promise.all(replicas.map(countOf));
  for (;;) {
    await pause(windowMs);
    const [other = 0, back = 0] = (await Promise.all(replicas.map(countOf))).map(({ begun }) => begun);
    const tookMs = performance.now() - upAgainAt;
    if (back >= (fullShare * (other + back)) / 2) return tookMs;
    if (tookMs > mostBackMs) return null;
  }
}

function rowsOf(name: string, rounds: readonly Round[]): Row[] {
  const isOurs = name === 'gateway';
  const all = rounds.flatMap(({ ended }) => ended);
  const count = (end: Ended['end']) => all.filter(one => one.end === end).length;
  const again = rounds.flatMap(({ ended, usualMs }) =>
    ended
      .filter(({ attempts, end }) => attempts > 1 && end !== 'refused')
      .map(({ firstByteMs }) => firstByteMs - usualMs),
  );
  const inVainMs = rounds.map(({ ended, killedAt, upAgainAt }) =>
    Math.max(
      0,
      ...ended.filter(one => one.attempts > 1 && one.sentAt < upAgainAt).map(({ sentAt }) => sentAt - killedAt),
    ),
  );
  const fullMs = rounds.flatMap(({ fullAfterMs }) => fullAfterMs ?? []);
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    {
      what: `${name}: errors before the first byte, of ${all.length} requests from ${rounds.length} kills on`,
      measured: String(count('refused')),
      target: isOurs ? '0' : '–',
      isMet: isOurs ? count('refused') === 0 : null,
    },
    {
      what: `${name}: streams that had begun at the dead one`,
      measured: `${count('told')} ended with an error event, ${count('cut')} cut off`,
      target: isOurs ? 'none cut off' : '–',
      isMet: isOurs ? count('cut') === 0 : null,
    },
    {
      what: `${name}: added to the first byte of requests that were sent again`,
      measured:
        again.length === 0
          ? 'none was'
          : `p50 ${ms(percentile(again, 0.5))}, p99 ${ms(percentile(again, 0.99))}, most ${ms(Math.max(...again))} of ${again.length}`,
      target: '–',
      isMet: null,
    },
    {
      what: `${name}: from the kill until the last request was sent to the dead one`,
      measured: `mean ${ms(mean(inVainMs))}, most ${ms(Math.max(...inVainMs))}`,
      target: '–',
      isMet: null,
    },
    {
      what: `${name}: from up again until full load`,
      measured:
        fullMs.length < rounds.length
          ? `not within ${mostBackMs / 1000} s in ${rounds.length - fullMs.length} of ${rounds.length}`
          : `mean ${ms(mean(fullMs))}, most ${ms(Math.max(...fullMs))}`,
      target: isOurs ? 'at most 10 s' : '–',
      isMet: isOurs ? fullMs.length === rounds.length && Math.max(...fullMs) <= 10_000 : null,
    },
  ];
}
