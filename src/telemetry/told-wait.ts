import type { Clock } from '../domain/clock.ts';
import type { Events } from './events.ts';

export interface WaitParts {
  readonly clock: Clock;
  readonly log: Pick<Events, 'info'>;
}

const tellAfterMs = 2_000;

/** Logs once what is waited for, if it takes longer than two seconds, and how long it took. */
export async function toldWait<T>(what: string, work: Promise<T>, { clock, log }: WaitParts): Promise<T> {
  const began = clock.now();
  let isTold = false;
  const cancel = clock.after(tellAfterMs, () => {
    isTold = true;
    log.info(`Waiting for ${what}`);
  });
  try {
    const result = await work;
    if (isTold) log.info(`Waited ${((clock.now() - began) / 1_000).toFixed(1)} s for ${what}`);
    return result;
  } finally {
    cancel();
  }
}
