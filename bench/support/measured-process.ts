import { type ChildProcess, fork } from 'node:child_process';
import { type GarbageFigures, GarbageWatch } from './garbage-watch.ts';

/** A process whose cost can be asked for while it works. */
export interface MeasuredProcess {
  readonly url: string;
  figures(): Promise<ProcessFigures>;
  /** The work of its garbage collector since the last call. */
  garbage(): Promise<GarbageFigures>;
  /** Has it collect its whole heap; needs --expose-gc, which bench/run.ts sets. */
  collect(): void;
  /** Has it answer a question of its own, one of those it passes to `reportToParent`. */
  ask<T>(question: string, about?: unknown): Promise<T>;
  /** Waits for what it tells without being asked. */
  listen<T>(news: string): Promise<T>;
  stop(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
}

export interface ProcessFigures {
  /** User and system time since its start. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** Runs `file` with these arguments; it must call `reportToParent` once it listens. */
export async function startMeasured(file: URL, args: readonly string[] = []): Promise<MeasuredProcess> {
  const child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const url = await nextMessage(child, message => (typeof message.url === 'string' ? message.url : undefined));
  const listen = <T>(news: string): Promise<T> => nextMessage(child, message => message[news] as T | undefined);
  const ask = <T>(question: string, about: unknown = null): Promise<T> => {
    const answer = listen<T>(question);
    child.send({ [question]: about });
    return answer;
  };
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  return {
    url,
    figures: () => ask('figures'),
    garbage: () => ask('garbage'),
    collect: () => void child.send({ collect: null }),
    ask,
    listen,
    stop() {
      child.disconnect();
      return ended;
    },
    kill() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

export type Answers = Readonly<Record<string, (about: unknown) => unknown>>;

/** The child's side: tells where it listens, answers for its cost and what else it is asked, and ends with its parent. */
export function reportToParent(url: string, answers: Answers = {}): void {
  const watch = new GarbageWatch();
  const all: Answers = {
    figures: figuresNow,
    garbage: () => watch.next(),
    collect: () => globalThis.gc?.(),
    ...answers,
  };
  process.on('message', async message => {
    for (const [question, about] of Object.entries(message as object)) {
      process.send?.({ [question]: await all[question]?.(about) });
    }
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ url });
}

function figuresNow(): ProcessFigures {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() };
}

/** The first message of the child that `read` finds an answer in. */
export function nextMessage<T>(
  child: ChildProcess,
  read: (message: Record<string, unknown>) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the measured process ended with ${code}`));
    const onMessage = (message: unknown) => {
      const found = read(message as Record<string, unknown>);
      if (found === undefined) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(found);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
