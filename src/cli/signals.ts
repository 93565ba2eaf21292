import { isatty } from 'node:tty';

/** Signals closer together than this count as one: a group signal reaches an npm-started process twice. */
const sameSignalMs = 1000;
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

export interface StopSignals {
  /** Settles on the first signal. */
  readonly stop: Promise<'in_time' | 'when_done'>;
  /** Calls back on every further signal. */
  onFurther(callback: () => void): void;
}

/** The upkeep that a running server performs on request. */
export interface Upkeep {
  reload: () => void;
  reopenLog: () => void;
}

/**
 * Listens for the signals that request upkeep, from now on; they have no effect until handlers are set. A closed
 * terminal sends SIGHUP too, and its user wants no process left behind: that SIGHUP counts as SIGTERM.
 */
export function listenForUpkeep(): Upkeep {
  const upkeep: Upkeep = { reload: () => {}, reopenLog: () => {} };
  const hadTerminal = isatty(process.stdout.fd);
  process.on('SIGHUP', () => {
    if (hadTerminal && !isatty(process.stdout.fd)) process.kill(process.pid, 'SIGTERM');
    else upkeep.reload();
  });
  process.on('SIGUSR2', () => upkeep.reload());
  // Without a listener Node opens its debugger to every program of this machine.
  process.on('SIGUSR1', () => upkeep.reopenLog());
  return upkeep;
}

/** For a worker: its parent hears them, and tells it. What reaches the whole group must not count twice. */
export function ignoreSignals(): void {
  for (const signal of [...stopSignals, 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {});
  }
}

/** For a program without upkeep: it neither opens a debugger nor ends. */
export function ignoreUpkeep(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});
}

/** Listens for the signals that ask a process to stop, from now on. */
export function listenForStop(): StopSignals {
  const first = Promise.withResolvers<'in_time' | 'when_done'>();
  let further = () => {};
  let countedAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (countedAt !== null && now - countedAt <= sameSignalMs) return;
    // As in nginx.
    if (countedAt === null) first.resolve(signal === 'SIGQUIT' ? 'when_done' : 'in_time');
    else further();
    countedAt = now;
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return {
    stop: first.promise,
    onFurther(callback) {
      further = callback;
    },
  };
}
