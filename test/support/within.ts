import { createContext, runInContext } from 'node:vm';

const slot: { work: () => unknown } = { work: () => {} };
const context = createContext(slot);

/**
 * Runs `work` and interrupts it after `ms`, so that a parser which never ends fails its test instead of stopping the
 * whole run. Synchronous work only.
 */
export function within<T>(ms: number, work: () => T): T {
  slot.work = work;
  return runInContext('work()', context, { timeout: ms });
}
