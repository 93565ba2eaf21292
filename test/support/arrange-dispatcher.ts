import assert from 'node:assert/strict';
import type { PoolSettings, TenantConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import type { Desk } from '../../src/gateway/pool/desk.ts';
import { Dispatcher } from '../../src/gateway/pool/dispatcher.ts';
import { PoolDesk, type PoolDeskOptions } from '../../src/gateway/pool/pool-desk.ts';
import { putBack, type TicketFields } from '../../src/gateway/pool/ticket.ts';
import { WaitWindow } from '../../src/observed/wait-window.ts';
import { ManualClock } from './manual-clock.ts';
import { anyTarget, poolSettings } from './pool-settings.ts';

export const anyFields = {
  ...anyTarget,
  requestId: 'any',
  flowId: 'a',
  level: 3,
  cost: 100,
  tokens: 60,
  bodyBytes: 10,
  maxWaitMs: null,
} as const;

/**
 * A dispatcher and its desk on a clock that stands still, and requests whose work ends when the test says so. `across`:
 * returns the desk that stands between the two.
 */
export function arrangeDispatcher(
  fields: Partial<PoolSettings> = {},
  more: Partial<PoolDeskOptions> = {},
  across: (pool: PoolDesk, clock: Clock) => Desk = pool => pool,
) {
  const clock = new ManualClock();
  const waits: [Level, number][] = [];
  const window = new WaitWindow(clock);
  const settings = poolSettings(fields);
  const desk = new PoolDesk({
    name: 'gpu',
    settings,
    tenants: new Map(),
    clock,
    random: () => 0.5,
    waits: {
      record: (level, waitMs) => {
        waits.push([level, waitMs]);
        window.record(level, waitMs);
      },
      percentiles: level => ({ p50: level, p95: null, p99: null }),
      lastStep: () => window.lastStep(),
      grantedNow: level => window.grantedNow(level),
    },
    ...more,
  });
  const dispatcher = new Dispatcher({ name: 'gpu', settings, desk: across(desk, clock), clock, random: () => 0.5 });
  const configure = (changed: PoolSettings, tenants: ReadonlyMap<string, TenantConfig>) => {
    desk.configure(changed, tenants);
    dispatcher.configure(changed);
  };
  const started: string[] = [];
  const request = (name: string, level: Level = 3, demand: Partial<TicketFields> = {}) => {
    const ticket = dispatcher.ticket({ ...anyFields, requestId: name, level, ...demand });
    const work = Promise.withResolvers<string>();
    let attempt = Promise.withResolvers<string | typeof putBack>();
    // Work that never begins may still be made to fail.
    work.promise.catch(() => {});
    const answer = dispatcher.run(ticket, () => {
      started.push(name);
      attempt = Promise.withResolvers();
      return Promise.race([work.promise, attempt.promise]);
    });
    /** The result: its answer, or the code or name of the error. */
    const outcome = answer.catch((error: unknown) => {
      if (error instanceof GatewayError) return error.code;
      return error instanceof Error ? error.name : 'not an error';
    });
    return {
      ticket,
      answer,
      outcome,
      end: () => work.resolve(`${name} served`),
      fail: (error: Error) => work.reject(error),
      /** The upstream has no room for it; if allowed, it is put back. */
      putBack: (retryAfterMs: number | null, status: 429 | 503 | 529 = 429) => {
        const isAllowed = ticket.upstreamBusy(status, retryAfterMs);
        if (isAllowed) attempt.resolve(putBack);
        return isAllowed;
      },
      /** The upstream begins to answer it. */
      answered: (status: number) => ticket.upstreamAnswered(status),
      /** Its work answers so whether it may or not. */
      answerPutBack: () => attempt.resolve(putBack),
    };
  };
  const counts = (level: Level = 3) => {
    const stats = desk.view.stats().levels[level];
    assert.ok(stats);
    const { waiting, running, dispatched, rejected, timed_out, cancelled } = stats;
    return { waiting, running, dispatched, rejected, timed_out, cancelled };
  };
  return { clock, dispatcher, desk, configure, started, request, waits, counts };
}

/** The counts of a level without any events. */
export const none = { waiting: 0, running: 0, dispatched: 0, rejected: 0, timed_out: 0, cancelled: 0 };

export const refusalOf = async (answer: Promise<unknown>): Promise<GatewayError> => {
  const error = await answer.then(
    () => assert.fail('it was served'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError, String(error));
  return error;
};
