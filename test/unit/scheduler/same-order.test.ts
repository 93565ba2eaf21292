/** The scheduler against the reference, command by command: the same grants in the same order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels, type Level } from '../../../src/domain/vocabulary.ts';
import type { SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { anyTarget, perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';
import { ReferenceScheduler } from '../../support/reference-scheduler.ts';
import {
  anyOptions,
  anyStep,
  crowdedStep,
  endpointStep,
  sharedOptions,
  slow,
  takeOverStep,
} from '../../support/scheduler-arbitraries.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, Walk } from '../../support/scheduler-walk.ts';

class TakeStep implements fc.Command<Walk, Walk> {
  readonly #step: Step | 'pump';

  constructor(step: Step | 'pump') {
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  run(model: Walk, real: Walk): void {
    for (const walked of [model, real]) {
      if (this.#step === 'pump') walked.pump();
      else walked.take(this.#step);
    }
    assert.deepEqual(real.events.splice(0), model.events.splice(0));
    for (const level of allLevels) assert.equal(real.scheduler.aside(level), model.scheduler.aside(level));
  }

  toString(): string {
    return fc.stringify(this.#step);
  }
}

/** A counterexample that was found once. */
type Found = [SchedulerOptions, (Step | 'pump')[]];

const checkAgainstReference = (step: fc.Arbitrary<Step>, options = anyOptions, found: readonly Found[] = []) => {
  const commands = fc.commands(
    [step.map(one => new TakeStep(one)), step.map(one => new TakeStep(one)), fc.constant(new TakeStep('pump'))],
    { maxCommands: 200, size: 'max' },
  );
  const examples = found.map(([chosen, steps]): [SchedulerOptions, TakeStep[]] => [
    chosen,
    steps.map(one => new TakeStep(one)),
  ]);
  fc.assert(
    fc.property(options, commands, (chosen, run) => {
      const model = new Walk(new ReferenceScheduler(chosen));
      fc.modelRun(() => ({ model, real: new Walk(new SchedulerById(chosen)) }), run);
    }),
    { numRuns: 500, examples },
  );
};

const requestOf = (flowId: string, level: Level) => {
  return { flowId, level, ...anyTarget, cost: 0, tokens: 0, bodyBytes: 0, timeoutMs: 1e6 };
};
const come = (flowId: string, level: Level): Step => ({ kind: 'enqueue', request: requestOf(flowId, level) });
const finish = (nth: number, cost: number): Step => ({ kind: 'finish', nth, spent: { cost, tokens: 0 } });

/** A request is adopted whose tenant has another waiting, which may not start. */
const adoptedBesideOneAside: Found = [
  { settings: poolSettings({ seats: 3 }), tenants: new Map() },
  [
    come('a', 0),
    'pump',
    finish(0, 100),
    { kind: 'adopt', request: requestOf('a', 0), charged: { cost: 0, tokens: 0 }, ageMs: 0 },
    { kind: 'busy', nth: 1, scope: 'model', ms: 1 },
    { kind: 'restore', request: requestOf('d', 0), ageMs: 0 },
    { kind: 'adopt', request: requestOf('d', 0), charged: { cost: 0, tokens: 0 }, ageMs: 0 },
    finish(1, 1),
    { kind: 'advance', ms: 1 },
    come('a', 0),
    'pump',
  ],
];

const shared = (cap: Record<number, number>, reserved = {}, tenants = {}): SchedulerOptions => {
  const settings = { policy: 'wfq', shareBy: 'tenant', seats: 2, weights: perLevel(1) } as const;
  return {
    settings: poolSettings({ ...settings, cap: perLevel(1, cap), reserved: perLevel(0, reserved) }),
    tenants: tenantRules(tenants),
  };
};

/** In a level at its cap one tenant meets its limit, and another has none any more. */
const limitPassesOn: Found = [
  shared({}),
  [
    come('a', 9),
    'pump',
    { kind: 'configure', options: shared({ 2: 2 }) },
    come('a', 2),
    come('a', 2),
    come('e', 9),
    finish(0, 1),
    'pump',
    finish(1, 0),
    come('e', 9),
    come('a', 2),
    finish(1, 1),
    { kind: 'configure', options: shared({ 2: 2 }, { 9: 1 }, { a: { weight: 0.5, maxConcurrent: 1 } }) },
    come('a', 9),
    'pump',
    { kind: 'configure', options: shared({}, { 9: 1 }, { e: { weight: 0.5, maxConcurrent: 1 } }) },
    finish(2, 1),
    'pump',
  ],
];

test('properties 4 and 18: a plain scan for the least counters grants in the identical order, command by command', () => {
  checkAgainstReference(anyStep);
});

test('properties 4 and 18: also where an upstream closes models and providers for minutes, and probes go out', () => {
  checkAgainstReference(anyStep.map(slow));
});

test('properties 4 and 18: also where tenants share the pool and levels are at their caps most of the time', () => {
  checkAgainstReference(crowdedStep, sharedOptions, [limitPassesOn]);
});

test('properties 4 and 18: also where a pool is taken over and a part of its seats is held back', () => {
  checkAgainstReference(takeOverStep, anyOptions, [adoptedBesideOneAside]);
});

test('properties 4 and 18: also where seats are at endpoints that come, go and are avoided', () => {
  checkAgainstReference(endpointStep);
});

test('properties 4 and 18: also where tenants share the pool, and its seats are at endpoints', () => {
  checkAgainstReference(endpointStep, sharedOptions);
});

test('properties 4 and 18: also where endpoints close models for minutes, and probes go out', () => {
  checkAgainstReference(endpointStep.map(slow));
});
