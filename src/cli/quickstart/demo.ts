/**
 * Load on a running gateway, equal for all tenants: closed-loop clients, each of which sends its next request a short
 * while after its answer. Every third request is a stream.
 */
import { setTimeout as pause } from 'node:timers/promises';

export interface DemoTenant {
  readonly id: string;
  readonly key: string;
}

/** The results of one tenant so far. */
export interface Tally {
  readonly tenant: string;
  /** As reported by the gateway's last answer; null before the first. */
  readonly level: number | null;
  readonly sent: number;
  readonly served: number;
  /** Requests with an answer other than 200, or with none. */
  readonly failed: number;
  /** The last failure. */
  readonly failure: string | null;
  /** Of served requests, in milliseconds, in the order of their answers. */
  readonly waitsMs: readonly number[];
}

export interface Demo {
  readonly tallies: readonly Tally[];
  /** Settles when every request is answered, or when `signal` fires. Never rejects. */
  readonly over: Promise<void>;
}

interface DemoParts {
  readonly url: string;
  readonly tenants: readonly DemoTenant[];
  /** New requests are sent during this time. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
}

export const clientsPerTenant = 3;
/** The mean pause after an answer; random, because clients in lockstep would send in waves. */
const pauseMs = 200;
/** A gateway that refuses must not be asked again at once. */
const pauseAfterFailureMs = 1_000;
/** Requests that wait at the end of the time are still served within this time. */
const drainMs = 15_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type OpenTally = Writable<Omit<Tally, 'waitsMs'>> & { readonly waitsMs: number[] };

export function startDemo(parts: DemoParts): Demo {
  const tallies = parts.tenants.map(
    ({ id }): OpenTally => ({ tenant: id, level: null, sent: 0, served: 0, failed: 0, failure: null, waitsMs: [] }),
  );
  const sending = AbortSignal.any([parts.signal, AbortSignal.timeout(parts.durationMs)]);
  const signal = AbortSignal.any([parts.signal, AbortSignal.timeout(parts.durationMs + drainMs)]);
  // All clients start at once, in the order of tenants, so that none finds free seats just because it came first.
  const clients = parts.tenants.flatMap(({ key }, index) => {
    const tally = tallies[index];
    if (tally === undefined) return [];
    return Array.from({ length: clientsPerTenant }, () => client({ ...parts, key, tally, sending, signal }));
  });
  return { tallies, over: Promise.all(clients).then(() => {}) };
}

interface ClientParts {
  readonly url: string;
  readonly key: string;
  readonly tally: OpenTally;
  readonly sending: AbortSignal;
  readonly signal: AbortSignal;
  readonly random: () => number;
}

async function client(parts: ClientParts): Promise<void> {
  const { tally, sending, random } = parts;
  const rest = (ms: number) => pause(ms, undefined, { signal: sending }).catch(() => {});
  while (!sending.aborted) {
    tally.sent++;
    try {
      await request(parts, tally.sent % 3 === 0);
      await rest(2 * pauseMs * random());
    } catch (error) {
      tally.failed++;
      tally.failure = reasonOf(error);
      await rest(pauseAfterFailureMs);
    }
  }
}

async function request({ url, key, tally, signal }: ClientParts, stream: boolean): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'loopback', stream, max_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] }),
    signal,
  });
  const { headers } = response;
  const level = headers.get('x-tokligence-priority');
  if (level !== null) tally.level = Number(level);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
  tally.served++;
  tally.waitsMs.push(Number(headers.get('x-tokligence-wait-time-ms') ?? 0));
}

/** The message `fetch failed` has its reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
