import { isatty } from 'node:tty';
import type { StopWish } from '../stop.ts';

/** Signals closer together than this count as one: a group signal reaches an npm-started process twice. */
const sameSignalMs = 1000;

interface StopSignals {
  /** Settles on the first one. */
  readonly stop: Promise<StopWish>;
  /** Calls back for every further one. */
  onFurther(callback: () => void): void;
}

/** What a running server is asked for. */
export interface Upkeep {
  reload: () => void;
  reopenLog: () => void;
}

/**
 * Listens for the signals that ask for upkeep, from now on; they do nothing until somebody says what. A terminal that
 * is closed sends SIGHUP too, and who worked at it wants no process left behind: that one counts as SIGTERM.
 */
export function listenForUpkeep(): Upkeep {
  const upkeep: Upkeep = { reload: () => {}, reopenLog: () => {} };
  const hadTerminal = isatty(process.stdout.fd);
  process.on('SIGHUP', () => {
    if (hadTerminal && !isatty(process.stdout.fd)) process.kill(process.pid, 'SIGTERM');
    else upkeep.reload();
  });
  process.on('SIGUSR2', () => upkeep.reload());
  // Without a listener Node opens its debugger for every program of this machine.
  process.on('SIGUSR1', () => upkeep.reopenLog());
  return upkeep;
}

/** For a program that needs none: it neither opens a debugger nor ends. */
export function ignoreUpkeep(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});
}

/** Listens for the signals that ask a process to stop, from now on. */
export function listenForStop(): StopSignals {
  const first = Promise.withResolvers<StopWish>();
  let further = () => {};
  let countedAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (countedAt !== null && now - countedAt <= sameSignalMs) return;
    // As nginx has it.
    if (countedAt === null) first.resolve(signal === 'SIGQUIT' ? 'when_done' : 'in_time');
    else further();
    countedAt = now;
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, onSignal);
  return {
    stop: first.promise,
    onFurther(callback) {
      further = callback;
    },
  };
}
