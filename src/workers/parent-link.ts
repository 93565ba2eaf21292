/** A worker's side of the channel to its parent. */
import cluster from 'node:cluster';
import { errors } from '../domain/errors.ts';
import type { Change, Guess, Peers } from '../domain/peers.ts';
import { singleFlight } from '../domain/structures/single-flight.ts';
import { keyAtLimit } from '../gateway/key-streams.ts';
import { type Downward, type DownwardAnswer, readDownward, type Upward, type Welcome } from './messages.ts';
import { Questions } from './questions.ts';

/** What the parent asks of a worker, or orders. */
export type Order = Exclude<Downward, DownwardAnswer | Welcome>;

export class ParentLink implements Peers {
  readonly worker: number;
  readonly #questions = new Questions<DownwardAnswer>();
  readonly #welcome = Promise.withResolvers<Welcome>();
  readonly #gone = Promise.withResolvers<void>();
  /** Until somebody follows them, orders wait; changes and guesses do not, as nothing is held yet that they concern. */
  #follow: (order: Order) => void = order => {
    if (order.t === 'hear') void this.send({ t: 'heard', id: order.id });
    else if (order.t !== 'guess') this.#early.push(order);
  };
  readonly #early: Order[] = [];
  /** What was told and is not in effect everywhere yet. */
  readonly #untold = new Set<Promise<unknown>>();
  #isClogged = false;

  constructor(worker: number) {
    this.worker = worker;
    // Otherwise Node would end this process with its parent, and what runs here with it.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    process.on('message', (value: unknown) => this.#said(value));
    process.once('disconnect', () => {
      this.#questions.end();
      this.#gone.resolve();
    });
    if (!process.connected) this.#gone.resolve();
  }

  get welcome(): Promise<Welcome> {
    return this.#welcome.promise;
  }

  /** Resolves when the parent has ended. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Calls back for every order, those that have come so far included. */
  follow(follow: (order: Order) => void): void {
    this.#follow = follow;
    for (const order of this.#early.splice(0)) follow(order);
  }

  /** Resolves when it is sent, or cannot be any more. */
  send(message: Upward): Promise<void> {
    return new Promise(resolve => {
      if (!process.send || !process.connected) return resolve();
      this.#isClogged = !process.send(message, undefined, undefined, () => {
        this.#isClogged = false;
        resolve();
      });
    });
  }

  tell(change: Change): void {
    const telling = this.#questions.ask(id => void this.send({ t: 'tell', id, change }));
    this.#untold.add(telling);
    void telling.then(() => this.#untold.delete(telling));
  }

  async heard(): Promise<void> {
    await Promise.all(this.#untold);
  }

  guessed(guess: Guess): void {
    // It may be lost: not while nobody reads, as it would pile up.
    if (!this.#isClogged) void this.send({ t: 'guess', ...guess });
  }

  readonly streams = {
    enter: async (key: number): Promise<void> => {
      const answer = await this.#questions.ask(id => void this.send({ t: 'enter', id, key }));
      if (answer?.t !== 'entered') throw errors.unavailable('The gateway is stopping.', 1);
      if (answer.underWay !== null) throw keyAtLimit(answer.underWay);
    },
    leave: (key: number): void => void this.send({ t: 'leave', key }),
  };

  readonly metrics = singleFlight(async (): Promise<string> => {
    const answer = await this.#questions.ask(id => void this.send({ t: 'gather', id }));
    if (answer?.t !== 'gathered') throw errors.unavailable('The gateway is stopping.', 1);
    if (answer.text === null) throw errors.unavailable('The metrics cannot be put together at present.', 1);
    return answer.text;
  });

  #said(value: unknown): void {
    const message = readDownward(value);
    if (message === null) return;
    if (message.t === 'told' || message.t === 'entered' || message.t === 'gathered') this.#questions.answered(message);
    else if (message.t === 'welcome') this.#welcome.resolve(message);
    else this.#follow(message);
  }
}
