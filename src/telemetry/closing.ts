import type { Events } from './events.ts';

/**
 * Has a stack close something when it is disposed of. A fault of that is told of in the log, and whatever else the
 * stack holds is closed all the same.
 */
export function closeWith(
  opened: AsyncDisposableStack,
  what: string,
  close: () => unknown,
  events: Pick<Events, 'error'>,
): void {
  opened.defer(async () => {
    try {
      await close();
    } catch (error) {
      events.error(`Cannot close ${what}; the rest is closed`, error);
    }
  });
}
