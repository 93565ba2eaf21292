import { isatty } from 'node:tty';

/** Signals closer together than this count as one: a group signal reaches an npm-started process twice. */
const sameSignalMs = 1000;

interface StopSignals {
  /** Settles on the first SIGTERM or SIGINT. */
  readonly stop: Promise<void>;
  /** Settles on a second one, more than a second later. */
  readonly stopAtOnce: Promise<void>;
}

/**
 * Calls `onReload` for each SIGHUP, from now on. A terminal that is closed sends one too, and who worked
 * at it wants no process left behind: that one counts as SIGTERM.
 */
export function listenForReload(onReload: () => void): void {
  const hadTerminal = isatty(process.stdout.fd);
  process.on('SIGHUP', () => {
    if (hadTerminal && !isatty(process.stdout.fd)) process.kill(process.pid, 'SIGTERM');
    else onReload();
  });
}

/** Listens for the signals that ask a process to stop, from now on. */
export function listenForStop(): StopSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let firstAt: number | null = null;
  const onSignal = () => {
    const now = performance.now();
    firstAt ??= now;
    first.resolve();
    if (now - firstAt > sameSignalMs) second.resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { stop: first.promise, stopAtOnce: second.promise };
}
