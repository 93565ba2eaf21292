/** One worker, as its parent sees it. */
import type { ChildProcess } from 'node:child_process';
import cluster, { type Worker as Forked } from 'node:cluster';
import type { Clock } from '../domain/clock.ts';
import { type Downward, readUpward, type Upward, type UpwardAnswer } from './messages.ts';
import { Questions } from './questions.ts';

/** Who has said nothing for so long, and has a question to answer, is given up. */
export const silentMs = 2_000;

export interface WorkerHearer {
  /** Every message that is no answer. */
  said(worker: WorkerProcess, message: Exclude<Upward, UpwardAnswer>): void;
  /** It sent what no worker sends: it is broken, and is being killed. */
  broken(worker: WorkerProcess, reason: string): void;
  silent(worker: WorkerProcess): void;
  ended(worker: WorkerProcess, end: WorkerEnd): void;
}

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it never began; null: it did. */
  readonly fault: string | null;
}

type Ask = (id: number) => Downward;

export class WorkerProcess {
  readonly number: number;
  readonly startedAt: number;
  state: 'starting' | 'opening' | 'listening' | 'ready' | 'failed' = 'starting';
  readonly #forked: Forked;
  readonly #clock: Clock;
  readonly #hearer: WorkerHearer;
  readonly #questions = new Questions<UpwardAnswer>();
  #heardAt: number;
  #isClogged = false;
  #isGivenUp = false;
  /** Resolves when it has ended and all that it wrote is read. */
  readonly closed: Promise<void>;

  constructor(number: number, { clock, hearer }: { readonly clock: Clock; readonly hearer: WorkerHearer }) {
    this.number = number;
    this.#clock = clock;
    this.#hearer = hearer;
    this.#heardAt = clock.now();
    this.startedAt = this.#heardAt;
    this.#forked = fork(number);
    const child = this.#forked.process;
    const endHandedOver = lastHandedOver(child);
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    child.once('close', () => closed.resolve());
    this.#forked.on('message', (message: unknown) => this.#said(message));
    child.once('exit', (code, signal) => {
      this.#questions.end();
      endHandedOver();
      hearer.ended(this, { code, signal, fault: null });
    });
    this.#forked.on('error', error => {
      // A message that cannot be sent any more: its exit is on the way, unless it never began.
      if (child.pid !== undefined) return;
      closed.resolve();
      hearer.ended(this, { code: null, signal: null, fault: error.message });
    });
  }

  get pid(): number {
    return this.#forked.process.pid ?? 0;
  }

  get output() {
    const { stdout, stderr } = this.#forked.process;
    return { stdout, stderr };
  }

  send(message: Downward): void {
    if (!this.#forked.isConnected()) return;
    this.#isClogged = !this.#forked.send(message, () => {
      this.#isClogged = false;
    });
  }

  /** For what may be lost: not while the worker reads nothing, as it would pile up. */
  sendPerhaps(message: Downward): void {
    if (!this.#isClogged) this.send(message);
  }

  /** Null: it has ended, at the latest because it was silent for too long. */
  async ask(question: Ask): Promise<UpwardAnswer | null> {
    const watch = this.#watchSilence();
    const answer = await this.#questions.ask(id => this.send(question(id)));
    watch.end();
    return answer;
  }

  /** Null also if there is no answer within this time. What a worker that reads nothing would be asked piles up nowhere. */
  async askWithin(ms: number, question: Ask): Promise<UpwardAnswer | null> {
    let cancel = () => {};
    const answer = await this.#questions.ask(id => {
      this.sendPerhaps(question(id));
      // What has come meanwhile is read first.
      cancel = this.#clock.after(ms, () => setImmediate(() => this.#questions.giveUp(id)));
    });
    cancel();
    return answer;
  }

  kill(): void {
    this.#forked.process.kill('SIGKILL');
  }

  #said(value: unknown): void {
    this.#heardAt = this.#clock.now();
    try {
      const message = readUpward(value);
      if (message === null) throw new Error('a message of an unknown kind');
      if (message.t === 'heard' || message.t === 'read' || message.t === 'configured')
        this.#questions.answered(message);
      else this.#hearer.said(this, message);
    } catch (error) {
      this.#hearer.broken(this, error instanceof Error ? error.message : String(error));
      this.kill();
    }
  }

  #watchSilence(): { end(): void } {
    const askedAt = this.#clock.now();
    let cancel = () => {};
    let isOver = false;
    const look = () => {
      const silentSince = Math.max(askedAt, this.#heardAt);
      const leftMs = silentSince + silentMs - this.#clock.now();
      // This process may have stood still itself: what has come meanwhile is read before anybody is given up.
      cancel = this.#clock.after(Math.max(leftMs, 0), () => setImmediate(decide));
    };
    const decide = () => {
      if (isOver) return;
      if (this.#clock.now() - Math.max(askedAt, this.#heardAt) < silentMs) look();
      else this.#giveUp();
    };
    look();
    return {
      end() {
        isOver = true;
        cancel();
      },
    };
  }

  #giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#hearer.silent(this);
    this.kill();
  }
}

/**
 * node:cluster hands a worker one connection of each listener at a time, and forgets the one that a worker did not take
 * before it died: its client would wait for ever. Returns what closes these; a connection that was taken is closed here
 * already.
 */
function lastHandedOver(child: ChildProcess): () => void {
  const send = child.send.bind(child) as (...given: unknown[]) => boolean;
  /** By listener. */
  const last = new Map<unknown, object>();
  Object.assign(child, {
    send(message: unknown, handle?: unknown, ...rest: unknown[]): boolean {
      if (typeof handle === 'object' && handle !== null) last.set(listenerOf(message), handle);
      return send(message, handle, ...rest);
    },
  });
  return () => {
    for (const handle of last.values()) if ('close' in handle && typeof handle.close === 'function') handle.close();
  };
}

/** What node:cluster calls the listener whose connection this message hands over. */
const listenerOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'key' in message ? message.key : null;

/** The same program, which the number tells its part. */
function fork(number: number): Forked {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    args: ['--worker', String(number)],
    // Its log comes by its output; what it writes as it breaks, by the other one.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  return cluster.fork();
}
