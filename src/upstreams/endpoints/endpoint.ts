import type { HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { Connections } from '../connections.ts';
import { type FailureFacts, failureOf, failureOfStatus } from './failure.ts';
import { FirstBytes } from './first-bytes.ts';
import { EndpointHealth, type EndpointState } from './health.ts';
import { type ProbeRequest, probe, wordsOf } from './probe.ts';
import { type Way, wayTo } from './way.ts';

/** What distinguishes an endpoint from another: where nothing of it changes, the endpoint stays. */
export interface Place {
  /** See `endpointId`. */
  readonly id: string;
  readonly url: string;
  /** Null: any that the name of the URL has. */
  readonly address: string | null;
}

export type EndpointConfig = Pick<
  HttpProviderConfig,
  'proxy' | 'connectTimeoutMs' | 'firstByteTimeoutMs' | 'idleTimeoutMs' | 'allowedNetworks' | 'healthPath'
>;

export interface EndpointParts {
  readonly place: Place;
  readonly config: EndpointConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly isLone: () => boolean;
  /** The probe as the provider has it now: its keys and headers change while the endpoint stays. */
  readonly probeRequest: (way: Way) => ProbeRequest;
  readonly onChange: () => void;
  readonly onTurn: OnTurn;
}

/** An endpoint is down after it was up, or the other way round. */
export type OnTurn = (endpoint: string, isUp: boolean, why: string | null) => void;

/** An endpoint as operators see it; times by the clock. */
export interface EndpointSeen {
  readonly id: string;
  readonly state: EndpointState;
  readonly since: number;
  readonly why: string | null;
  readonly seats: number;
  /** Since the start. */
  readonly failures: number;
  readonly firstByteMs: { readonly p50: number | null; readonly p95: number | null };
}

/** What a call has met; told by the call itself. */
export interface CallWatch {
  /** An answer has begun. */
  answered(call: WatchedCall, answer: { readonly status: number; readonly hasRetryAfter: boolean }): void;
  /** The call has failed before an answer began. */
  broke(call: WatchedCall, error: Error, facts: FailureFacts): void;
}

export interface WatchedCall {
  readonly flowId: string;
  readonly startedAt: number;
}

/** One URL of a provider, or one address of it: its connections, and whether it is up. */
export class Endpoint implements CallWatch {
  readonly place: Place;
  readonly way: Way;
  readonly connections: Connections;
  readonly health: EndpointHealth;
  readonly #clock: Clock;
  readonly #firstBytes: FirstBytes;
  #failures = 0;

  constructor({ place, config, clock, random, isLone, probeRequest, onChange, onTurn }: EndpointParts) {
    this.place = place;
    this.way = wayTo(new URL(place.url), place.address, config);
    this.connections = new Connections(this.way.origin, config, this.way.connect);
    this.#clock = clock;
    this.#firstBytes = new FirstBytes(clock);
    this.health = new EndpointHealth({
      clock,
      random,
      isLone,
      probe: () => probe(this.connections, probeRequest(this.way), clock),
      isChecked: config.healthPath !== null,
      onChange,
      onTurn: (isUp, why) => onTurn(place.id, isUp, why),
    });
  }

  get id(): string {
    return this.place.id;
  }

  answered({ flowId, startedAt }: WatchedCall, { status, hasRetryAfter }: Parameters<CallWatch['answered']>[1]): void {
    const now = this.#clock.now();
    this.#firstBytes.record(now - startedAt, now);
    const failure = failureOfStatus(status, hasRetryAfter);
    if (failure === null) this.health.succeeded();
    else this.#failed(failure, flowId, `it answered ${status}`);
  }

  broke({ flowId }: WatchedCall, error: Error, facts: FailureFacts): void {
    const failure = failureOf(error, facts);
    if (failure !== null) this.#failed(failure, flowId, wordsOf(error));
  }

  /** Of so many seats, those that it may use now. */
  seatsOf(seats: number): number {
    const { share } = this.health;
    return share === 0 ? 0 : Math.max(1, Math.ceil(seats * share));
  }

  seen(seats: number): EndpointSeen {
    const { id, health } = this;
    const { state, since, why } = health;
    const firstByteMs = this.#firstBytes.percentiles();
    return { id, state, since, why, seats: this.seatsOf(seats), failures: this.#failures, firstByteMs };
  }

  /** Takes no more calls; those that run go on to their ends. */
  retire(): void {
    this.health.stop();
    this.connections.retire();
  }

  close(): Promise<void> {
    this.health.stop();
    return this.connections.close();
  }

  #failed(failure: Parameters<EndpointHealth['failed']>[0], flowId: string, why: string): void {
    this.#failures++;
    this.health.failed(failure, flowId, why);
  }
}
