import type { PoolSettings, TenantConfig } from '../../src/config/config.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import { type Demand, Place, Scheduler } from '../../src/scheduler/scheduler.ts';
import { anyTarget, poolSettings, tenantRules } from './pool-settings.ts';

/** A scheduler of named places, on a clock that the test advances. */
export function arrangeScheduler(
  fields: Partial<PoolSettings> = {},
  rules: Record<string, Partial<TenantConfig>> = {},
) {
  let now = 0;
  const scheduler = new Scheduler<string>({ settings: poolSettings(fields), tenants: tenantRules(rules) });
  const come = (
    name: string,
    level: Level,
    demand: Partial<Demand> = {},
    timeoutMs = 1e6,
    avoid: readonly string[] = [],
  ) => {
    const fields = { flowId: 'a', ...anyTarget, level, cost: 100, tokens: 60, bodyBytes: 0, ...demand };
    const place = new Place(name, fields, timeoutMs);
    place.avoid = avoid;
    return Object.assign(place, { admission: scheduler.enqueue(place, now) });
  };
  /** Seats all places that can be seated and returns their names. */
  const seated = () => {
    const names: string[] = [];
    for (let place = scheduler.next(now); place !== undefined; place = scheduler.next(now)) names.push(place.holder);
    return names;
  };
  const end = (place: Place<string>, spent = { cost: place.cost, tokens: place.tokens }) =>
    scheduler.finish(place, spent, now);
  const pass = (ms: number) => {
    now += ms;
  };
  const configure = (changed: Partial<PoolSettings>, changedRules = rules) =>
    scheduler.configure(poolSettings(changed), tenantRules(changedRules), now);
  return { scheduler, come, seated, end, pass, configure, at: () => now };
}
