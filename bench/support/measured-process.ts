import { type ChildProcess, fork } from 'node:child_process';

/** A process that reports its CPU time while it works. */
export interface MeasuredProcess {
  readonly url: string;
  /** User and system time since its start, in microseconds. */
  cpuMicros(): Promise<number>;
  stop(): Promise<void>;
}

/** Runs `file` with these arguments; it must call `reportToParent` once it listens. */
export async function startMeasured(file: URL, args: readonly string[] = []): Promise<MeasuredProcess> {
  const child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const url = await nextMessage(child, message => (typeof message.url === 'string' ? message.url : undefined));
  return {
    url,
    cpuMicros() {
      const answer = nextMessage(child, message => (typeof message.cpu === 'number' ? message.cpu : undefined));
      child.send('cpu');
      return answer;
    },
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}

/** The child's side: reports its address and its CPU time, and ends with its parent. */
export function reportToParent(url: string): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system });
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ url });
}

/** Resolves to the first message of the child that `read` accepts. */
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
