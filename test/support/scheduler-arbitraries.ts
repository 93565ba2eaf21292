/**
 * Settings, tenants, requests and steps of every kind for random walks. Rates and weights of tenants are chosen so that
 * all sums are exact in binary: then the reference and the real scheduler cannot differ by rounding.
 */
import fc from 'fast-check';
import type { Spent } from '../../src/domain/usage.ts';
import { allLevels, type Level, policies, shareBys } from '../../src/domain/vocabulary.ts';
import type { SchedulerOptions, SchedulerSettings, TenantRules } from '../../src/scheduler/scheduler.ts';
import { perLevel, poolSettings } from './pool-settings.ts';
import type { Request } from './reference-queue.ts';
import type { Step } from './scheduler-walk.ts';

// Some are equal, so that ties occur too.
const cost = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(0, 100, 500));
const spent: fc.Arbitrary<Spent> = fc.record({ cost, tokens: cost });
const tenPer = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 10, maxLength: 10 });
/** Mostly `common`. */
const rarely = <T, U>(common: T, arbitrary: fc.Arbitrary<U>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(common) }, { weight: 1, arbitrary });
const requestRate = fc.constantFrom(1000 / 4, 1000 / 8, 1000 / 16, 1000 / 32);
const tokenRate = fc.constantFrom(4000, 16_000, 64_000);

export const anyRequest: fc.Arbitrary<Omit<Request, 'id'>> = fc.record({
  flowId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  level: fc.oneof(fc.constantFrom(...allLevels), fc.constantFrom(0 as const, 4 as const, 4 as const, 9 as const)),
  provider: fc.constantFrom('p', 'p', 'q'),
  model: fc.constantFrom('m', 'n', 'o'),
  cost,
  tokens: cost,
  bodyBytes: fc.integer({ min: 0, max: 50 }),
  timeoutMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 60, max: 1000 })),
});

const anySettings: fc.Arbitrary<SchedulerSettings> = fc
  .record({
    policy: fc.constantFrom(...policies),
    shareBy: fc.constantFrom(...shareBys),
    weights: tenPer(fc.integer({ min: 1, max: 20 })),
    seats: fc.integer({ min: 1, max: 12 }),
    reserved: rarely(perLevel(0), tenPer(fc.constantFrom(0, 0, 0, 1, 2))),
    cap: rarely(perLevel(Number.POSITIVE_INFINITY), tenPer(fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY))),
    requestsPerSec: rarely(null, requestRate),
    requestBurst: rarely(null, fc.integer({ min: 1, max: 6 })),
    tokensPerSec: rarely(null, tokenRate),
    tokenBurst: rarely(null, fc.integer({ min: 1, max: 2000 })),
    maxTokensInFlight: rarely(null, fc.integer({ min: 500, max: 3000 })),
    aimd: fc.boolean(),
    maxQueueDepth: rarely(perLevel(1e6), tenPer(fc.integer({ min: 0, max: 6 }))),
    maxQueueDepthPool: rarely(1e6, fc.integer({ min: 0, max: 12 })),
    maxQueuedBytes: rarely(1e9, fc.integer({ min: 0, max: 400 })),
  })
  .map(fields =>
    poolSettings({
      ...fields,
      // Tenants' counters are divided by these too.
      weights: fields.shareBy === 'level' ? fields.weights : fields.weights.map(weight => 2 ** (weight % 5)),
    }),
  );

const anyRules: fc.Arbitrary<TenantRules> = fc.record({
  weight: fc.constantFrom(0.25, 0.5, 1, 2, 8),
  maxConcurrent: rarely(null, fc.integer({ min: 1, max: 3 })),
  requestsPerSec: rarely(null, requestRate),
  tokensPerSec: rarely(null, tokenRate),
  maxQueueDepth: rarely(null, fc.integer({ min: 0, max: 5 })),
});

const tenantsBy = (rules: fc.Arbitrary<TenantRules>) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), rules), { selector: ([id]) => id, maxLength: 4 })
    .map(entries => new Map(entries));

export const anyOptions: fc.Arbitrary<SchedulerOptions> = fc.record({
  settings: anySettings,
  tenants: tenantsBy(anyRules),
});

/** Only seats, shared by policy, reserve and cap. */
export const plainOptions: fc.Arbitrary<SchedulerOptions> = anySettings.map(
  ({ policy, weights, seats, reserved, cap }) => ({
    settings: poolSettings({ policy, weights, seats, reserved, cap }),
    tenants: new Map(),
  }),
);

const anySeatRules: fc.Arbitrary<TenantRules> = anyRules.map(rules => ({
  ...rules,
  requestsPerSec: null,
  tokensPerSec: null,
  maxQueueDepth: null,
}));

/** Tenants share the pool, and only caps, reserves and the tenants' seats bind. */
export const sharedOptions: fc.Arbitrary<SchedulerOptions> = fc.record({
  settings: fc
    .record({
      policy: fc.constantFrom('wfq' as const, 'hybrid' as const),
      // A level whose weight changes begins anew; where it stays, so do the counters.
      weights: rarely(perLevel(1), tenPer(fc.constantFrom(1, 2, 4, 8))),
      seats: fc.integer({ min: 2, max: 5 }),
      reserved: rarely(perLevel(0), fc.constant(perLevel(0, { 9: 1 }))),
      cap: tenPer(fc.constantFrom(1, 1, 2, Number.POSITIVE_INFINITY)),
    })
    .map(fields => poolSettings({ ...fields, shareBy: 'tenant' })),
  tenants: rarely(new Map(), tenantsBy(anySeatRules)),
});

const nth = fc.nat();
const enqueue = fc.record({ kind: fc.constant('enqueue' as const), request: anyRequest });
const advance = fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 40 }) });
const configure = anyOptions.map(options => ({ kind: 'configure' as const, options }));

/** Requests come, end and are served: no limit changes and the upstream has room. */
const calmSteps = [
  { weight: 14, arbitrary: enqueue },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('finish' as const), nth, spent }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('progress' as const), nth, spent }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'release unused' as const), nth }) },
  { weight: 5, arbitrary: advance },
];
const busy = fc.record({
  kind: fc.constant('busy' as const),
  nth,
  scope: fc.constantFrom('model' as const, 'model' as const, 'provider' as const),
  ms: rarely(null, fc.integer({ min: 0, max: 60 })),
});
const answered = fc.record({
  kind: fc.constant('answered' as const),
  nth,
  how: fc.constantFrom('taken' as const, 'at fault' as const),
});
const wildSteps = [
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('put back' as const), nth }) },
  { weight: 3, arbitrary: busy },
  { weight: 2, arbitrary: answered },
  { weight: 1, arbitrary: fc.constant({ kind: 'served' as const }) },
  { weight: 1, arbitrary: configure },
  { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
];

/** More requests come than are served, to three levels. */
export const crowdedStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ level: fc.constantFrom<Level>(2, 4, 9), request: anyRequest }).map(({ level, request }) => {
      return { kind: 'enqueue' as const, request: { ...request, level, timeoutMs: 1e9 } };
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('finish' as const), nth, spent }) },
  { weight: 1, arbitrary: sharedOptions.map(options => ({ kind: 'configure' as const, options })) },
);
/** A pool is taken over: requests that run or wait come from elsewhere, and a part of the seats is held back. */
const ageMs = fc.integer({ min: 0, max: 100 });
const takeOver: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('adopt' as const), request: anyRequest, charged: spent, ageMs }),
  fc.record({ kind: fc.constant('restore' as const), request: anyRequest, ageMs }),
  fc.record({ kind: fc.constant('hold back' as const), seats: rarely(null, fc.nat(6)) }),
  fc.constant({ kind: 'empty bursts' as const }),
);
export const takeOverStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: takeOver },
  { weight: 4, arbitrary: fc.oneof(...calmSteps, ...wildSteps) },
);
/** Two providers, of which one may have no endpoints; all three of `p` may be down at once. */
const endpointIds = { p: ['p1', 'p2', 'p3'], q: ['q1', 'q2'] };
const anyProvider = fc.constantFrom('p' as const, 'p' as const, 'q' as const);
const anyAvoid = rarely([], fc.subarray(['p1', 'p2', 'p3', 'q1', 'gone']));
const endpoints: fc.Arbitrary<Step> = anyProvider.chain(provider =>
  fc
    .tuple(fc.subarray(endpointIds[provider]), fc.array(fc.constantFrom(0, 1, 1, 2, 4), { minLength: 3, maxLength: 3 }))
    .map(([ids, seats]) => ({
      kind: 'endpoints' as const,
      provider,
      endpoints: ids.map((id, nth) => ({ id, seats: seats[nth] ?? 0 })),
    })),
);
const atEndpoints: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: endpoints },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put back' as const), nth, avoid: anyAvoid }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ request: anyRequest, avoid: anyAvoid })
      .map(({ request, avoid }) => ({ kind: 'enqueue' as const, request: { ...request, avoid, timeoutMs: 1e6 } })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ request: anyRequest, charged: spent, ageMs, nth: fc.nat(2) })
      .map(({ request, charged, ageMs: age, nth: which }) => ({
        kind: 'adopt' as const,
        request,
        charged,
        ageMs: age,
        endpoint: endpointIds[request.provider === 'p' ? 'p' : 'q'][which] ?? null,
      })),
  },
);
/** Endpoints come, go, and grow, and requests that have failed at some of them avoid these. */
export const endpointStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: atEndpoints },
  { weight: 4, arbitrary: fc.oneof(...calmSteps, ...wildSteps) },
);
export const anyStep: fc.Arbitrary<Step> = fc.oneof(...calmSteps, ...wildSteps);
/** An upstream that closes for minutes, and an equally fast clock: all times are multiplied by a thousand. */
export const slow = (step: Step): Step => {
  if (step.kind === 'advance') return { ...step, ms: step.ms * 1000 };
  if (step.kind === 'busy') return { ...step, ms: step.ms === null ? null : step.ms * 10_000 };
  if (step.kind !== 'enqueue') return step;
  return { ...step, request: { ...step.request, timeoutMs: step.request.timeoutMs * 1000 } };
};
const many = (step: fc.Arbitrary<Step>) => fc.array(step, { minLength: 1, maxLength: 250, size: 'max' });
export const anySteps = many(anyStep);
export const anyCalmSteps = many(fc.oneof(...calmSteps));
