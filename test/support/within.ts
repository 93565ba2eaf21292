import { createContext, runInContext } from 'node:vm';

const slot: { work: () => unknown } = { work: () => {} };
const context = createContext(slot);

/**
 * Does `work` and ends it by force after `ms`, wherever it is, so that a parser which never comes to an end fails its
 * test instead of stopping the whole run. Synchronous work only.
 */
export function within<T>(ms: number, work: () => T): T {
  slot.work = work;
  return runInContext('work()', context, { timeout: ms });
}
