/**
 * What a fleet does not do: each gateway has a scheduler and a lease of seats of its own. At each heartbeat the seats are
 * divided anew by what each gateway has waiting and running. A seat in use stays where it is until its request has ended.
 */
import { CoreQueue } from './core-queue.ts';
import type { Job, Queue } from './job.ts';

export interface LeasedQueueOptions {
  readonly seats: number;
  readonly gateways: number;
  readonly gatewayOf: (job: Job) => number;
}

interface Gateway {
  readonly queue: CoreQueue;
  waiting: number;
  running: number;
  lease: number;
}

export class LeasedQueue implements Queue {
  readonly #options: LeasedQueueOptions;
  readonly #gateways: readonly Gateway[];
  #heartbeats = 0;

  constructor(options: LeasedQueueOptions) {
    this.#options = options;
    const { seats, gateways } = options;
    const gateway = () => ({ queue: new CoreQueue({ seats, policy: 'hybrid' }), waiting: 0, running: 0, lease: 0 });
    this.#gateways = Array.from({ length: gateways }, gateway);
  }

  heartbeat(): void {
    const { seats } = this.#options;
    const wanted = divided(
      seats,
      this.#gateways.map(({ waiting, running }) => waiting + running),
      this.#heartbeats++,
    );
    let free = seats;
    for (const [at, gateway] of this.#gateways.entries()) {
      free -= gateway.running;
      gateway.lease = Math.min(gateway.running, wanted[at] ?? 0);
    }
    for (let at = 0; at < this.#gateways.length; at++) {
      const nth = (at + this.#heartbeats) % this.#gateways.length;
      const gateway = this.#gateways[nth];
      if (gateway === undefined) continue;
      const more = Math.max(Math.min((wanted[nth] ?? 0) - gateway.lease, free), 0);
      gateway.lease += more;
      free -= more;
    }
  }

  enqueue(job: Job, nowMs: number): boolean {
    const gateway = this.#of(job);
    gateway.waiting++;
    return gateway.queue.enqueue(job, nowMs);
  }

  next(nowMs: number): Job | undefined {
    for (const gateway of this.#gateways) {
      const job = gateway.running < gateway.lease ? gateway.queue.next(nowMs) : undefined;
      if (job === undefined) continue;
      gateway.waiting--;
      gateway.running++;
      return job;
    }
    return undefined;
  }

  progress(job: Job, cost: number, nowMs: number): void {
    this.#of(job).queue.progress(job, cost, nowMs);
  }

  finish(job: Job, cost: number, nowMs: number): void {
    const gateway = this.#of(job);
    gateway.running--;
    gateway.queue.finish(job, cost, nowMs);
  }

  #of(job: Job): Gateway {
    const gateway = this.#gateways[this.#options.gatewayOf(job)];
    if (gateway === undefined) throw new Error(`job ${job.id} is at no gateway`);
    return gateway;
  }
}

/** In proportion to the demands, whole seats, by the largest remainder; equal remainders take turns. */
function divided(seats: number, demands: readonly number[], turn: number): number[] {
  const sum = demands.reduce((all, demand) => all + demand, 0);
  const exact = demands.map(demand => (sum === 0 ? seats / demands.length : (seats * demand) / sum));
  const whole = exact.map(Math.floor);
  const left = seats - whole.reduce((all, each) => all + each, 0);
  const turnOf = (at: number) => (at + turn) % demands.length;
  const remainder = (at: number) => (exact[at] ?? 0) - (whole[at] ?? 0);
  const first = [...demands.keys()].sort((a, b) => remainder(b) - remainder(a) || turnOf(a) - turnOf(b)).slice(0, left);
  for (const at of first) whole[at] = (whole[at] ?? 0) + 1;
  return whole;
}
