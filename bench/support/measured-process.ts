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
  stop(): Promise<void>;
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
  const asked = <T>(name: 'figures' | 'garbage'): Promise<T> => {
    const answer = nextMessage(child, message => message[name] as T | undefined);
    child.send(name);
    return answer;
  };
  return {
    url,
    figures: () => asked('figures'),
    garbage: () => asked('garbage'),
    collect: () => void child.send('collect'),
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}

/** The child's side: tells where it listens, answers for its cost, and ends with its parent. */
export function reportToParent(url: string): void {
  const watch = new GarbageWatch();
  process.on('message', message => {
    if (message === 'collect') globalThis.gc?.();
    else process.send?.(message === 'garbage' ? { garbage: watch.next() } : { figures: figuresNow() });
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
