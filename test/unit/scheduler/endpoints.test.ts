/** Seats at endpoints: which endpoint a request is given, and who waits while it is full or down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EndpointSeats } from '../../../src/domain/endpoint.ts';
import { allLevels, type Level } from '../../../src/domain/vocabulary.ts';
import type { Demand, Place, SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { perLevel, poolSettings } from '../../support/pool-settings.ts';
import type { Request } from '../../support/reference-queue.ts';
import { anyOptions, endpointStep } from '../../support/scheduler-arbitraries.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, Walk } from '../../support/scheduler-walk.ts';

const many = 1000;
const none = { cost: 0, tokens: 0 };
const at = (...seats: number[]): EndpointSeats[] => seats.map((count, nth) => ({ id: `e${nth + 1}`, seats: count }));

function arrange(...fields: Parameters<typeof arrangeScheduler>) {
  const [settings = {}, rules] = fields;
  const pool = arrangeScheduler({ seats: many, ...settings }, rules);
  const { scheduler, end } = pool;
  const provider = 'p';
  const come = (name: string, demand: Partial<Demand> = {}, avoid: readonly string[] = []) => {
    const place = pool.come(name, demand.level ?? 5, { provider, ...demand }, 1e6, avoid);
    assert.equal(place.admission, 'queued');
    return place;
  };
  const start = (name: string, demand?: Partial<Demand>, avoid?: readonly string[]) => {
    const place = come(name, demand, avoid);
    assert.deepEqual(pool.seated(), [name]);
    return place;
  };
  const set = (endpoints: readonly EndpointSeats[], name = provider) => scheduler.setEndpoints(name, endpoints);
  const put = (place: Place<string>, avoid: readonly string[]) => {
    place.avoid = avoid;
    assert.equal(scheduler.putBack(place, pool.at()), true);
  };
  const seats = () => [scheduler.seats, scheduler.inUse];
  return { ...pool, come, start, set, put, seats, end: (place: Place<string>) => end(place, none) };
}

const idOf = ({ endpoint }: Place<string>) => endpoint?.id ?? null;

test('a provider of which no endpoints are told has the seats of its pool, and its requests are at none', () => {
  const { start, come, seated, seats } = arrange({ seats: 2 });
  assert.deepEqual([idOf(start('a')), idOf(start('b'))], [null, null]);
  come('c');
  assert.deepEqual([seated(), seats()], [[], [2, 2]]);
});

test('the seats of a pool are those of its endpoints, and never more than its own', () => {
  const { set, seats, configure } = arrange();
  set(at(4, 2, 0));
  assert.deepEqual(seats(), [6, 0]);
  set(at(1, 1), 'q');
  assert.deepEqual(seats(), [8, 0]);
  configure({ seats: 5 });
  assert.deepEqual(seats(), [5, 0]);
  set([]);
  assert.deepEqual(seats(), [2, 0]);
});

test('equal endpoints take turns, and of others the one with the freest share of its seats is next', () => {
  const { set, start } = arrange();
  set(at(2, 2, 4));
  const given = Array.from({ length: 8 }, (_, nth) => idOf(start(`r${nth}`)));
  assert.deepEqual(given, ['e1', 'e2', 'e3', 'e3', 'e1', 'e2', 'e3', 'e3']);
});

test('of four equal endpoints under load none is given more than 1.25 times the mean', () => {
  const { set, start, end } = arrange();
  set(at(8, 8, 8, 8));
  const running: Place<string>[] = [];
  for (let nth = 0; nth < 2000; nth++) {
    // Some requests run much longer than others.
    if (running.length === 24) end(running.splice((nth * 7919) % running.length, 1)[0] ?? assert.fail());
    running.push(start(`r${nth}`));
    const used = ['e1', 'e2', 'e3', 'e4'].map(id => running.filter(place => idOf(place) === id).length);
    if (running.length === 24) assert.ok(Math.max(...used) <= 1.25 * 6, `${used}`);
  }
});

test('a request avoids where it has failed, as long as another endpoint is up', () => {
  const { set, start, end } = arrange();
  set(at(4, 4));
  for (let nth = 0; nth < 4; nth++) assert.equal(idOf(start(`r${nth}`, {}, ['e1'])), 'e2');
  set(at(4, 0));
  const last = start('last', {}, ['e1', 'e2']);
  assert.equal(idOf(last), 'e1');
  end(last);
});

test('a request that avoids the only free endpoint is passed by, blocks nobody, and starts when another is free', () => {
  const { set, start, come, seated, end } = arrange();
  set(at(1, 3));
  const first = start('at e1');
  const picky = come('picky', {}, ['e2']);
  come('same flow');
  come('other flow', { flowId: 'b' });
  come('worse level', { flowId: 'c', level: 9 });
  assert.deepEqual(seated().toSorted(), ['other flow', 'same flow', 'worse level']);
  end(first);
  assert.deepEqual([seated(), idOf(picky)], [['picky'], 'e1']);
});

test('a request that is put back goes first of its flow, at another endpoint', () => {
  const { set, start, come, seated, put } = arrange();
  set(at(1, 1));
  const failed = start('failed');
  const other = start('other');
  come('later');
  put(failed, ['e1']);
  assert.deepEqual(seated(), ['later'], 'it waits for e2, and e1 is free');
  put(other, ['e1']);
  assert.deepEqual([seated(), idOf(other)], [['other'], 'e2']);
});

test('an endpoint that goes down takes its seats with it, and what runs there counts again when it is back', () => {
  const { set, start, come, seated, seats, end, scheduler } = arrange({ cap: perLevel(many, { 5: 6 }) });
  set(at(4, 4));
  const running = Array.from({ length: 6 }, (_, nth) => start(`r${nth}`));
  const waiting = [come('w0'), come('w1')];
  assert.deepEqual([seated(), seats()], [[], [8, 6]], 'its level is at its cap');
  set(at(4, 0));
  assert.deepEqual(seats(), [4, 3]);
  assert.deepEqual([seated(), waiting.map(idOf)], [['w0'], ['e1', null]]);
  set(at(4, 4));
  assert.deepEqual([seats(), seated()], [[8, 7], []]);
  set(at(4, 0));
  for (const place of running) end(place);
  assert.deepEqual([seated(), seats()], [['w1'], [4, 2]]);
  assert.deepEqual(
    scheduler.inspection.endpoints().map(({ id, inUse }) => [id, inUse]),
    [
      ['e1', 2],
      ['e2', 0],
    ],
  );
});

test('who waits while all endpoints are down keeps its place', () => {
  const { set, come, seated, seats } = arrange();
  set(at(2));
  set(at(0));
  come('a');
  come('b', { level: 3 });
  assert.deepEqual([seated(), seats()], [[], [0, 0]]);
  come('c');
  set(at(2));
  assert.deepEqual(seated(), ['b', 'a']);
});

test('an endpoint that is not listed any more is down, and forgotten when its last request has ended', () => {
  const { set, start, end, seats, scheduler } = arrange();
  set(at(2, 2));
  const running = [start('a'), start('b')];
  set(at(2));
  const ids = () => scheduler.inspection.endpoints().map(({ id, seats: count }) => `${id}: ${count}`);
  assert.deepEqual(
    [ids(), seats()],
    [
      ['e1: 2', 'e2: 0'],
      [2, 1],
    ],
  );
  for (const place of running) end(place);
  assert.deepEqual([ids(), seats()], [['e1: 2'], [2, 0]]);
});

test('an endpoint with fewer seats than requests is given none until enough have ended', () => {
  const { set, start, come, seated, end } = arrange();
  set(at(4, 4));
  const running = Array.from({ length: 6 }, (_, nth) => start(`r${nth}`));
  set(at(1, 7));
  const places = ['a', 'b', 'c', 'd'].map(name => come(name));
  assert.deepEqual(seated(), ['a', 'b']);
  for (const place of running) if (idOf(place) === 'e1') end(place);
  assert.deepEqual(seated(), ['c', 'd']);
  assert.deepEqual(places.map(idOf).toSorted(), ['e1', 'e2', 'e2', 'e2']);
});

test('a provider whose endpoints are full blocks no other of its pool', () => {
  const { set, start, come, seated, end } = arrange({ policy: 'strict' });
  set(at(1));
  set(at(2), 'q');
  const first = start('p1', { level: 0 });
  come('p2', { level: 0 });
  come('q1', { level: 0, provider: 'q' });
  come('p3', { level: 1, flowId: 'b' });
  come('q2', { level: 9, flowId: 'b', provider: 'q' });
  assert.deepEqual(seated(), ['q1', 'q2']);
  end(first);
  assert.deepEqual(seated(), ['p2']);
});

test('a provider without endpoints in the same pool is not bound by those of the others', () => {
  const { set, start, come, seated, seats } = arrange({ seats: 4 });
  set(at(1));
  start('p1');
  come('p2');
  come('x1', { provider: 'x' });
  come('x2', { provider: 'x' });
  assert.deepEqual(
    [seated(), seats()],
    [
      ['x1', 'x2'],
      [4, 3],
    ],
  );
});

/** Tenants a and b, and levels, share two seats at `p`; c keeps `q` busy, whose requests are short. */
function servedBeside(shareBy: 'level' | 'tenant', levels: Record<'a' | 'b' | 'c', Level>) {
  const { set, come, scheduler, at: now } = arrange({ shareBy, policy: 'wfq' });
  set(at(2));
  set(at(1), 'q');
  const running: Place<string>[] = [];
  const served: Record<string, number> = { a: 0, b: 0, c: 0 };
  const demand = {
    a: { flowId: 'a', level: levels.a, cost: 100 },
    b: { flowId: 'b', level: levels.b, cost: 300 },
    c: { flowId: 'c', level: levels.c, provider: 'q', cost: 100 },
  };
  const again = (name: 'a' | 'b' | 'c') => come(name, demand[name]);
  for (const name of ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c'] as const) again(name);
  const pump = () => {
    for (let place = scheduler.next(now()); place !== undefined; place = scheduler.next(now())) {
      running.push(place);
      served[place.holder] = (served[place.holder] ?? 0) + place.cost;
      again(place.holder as 'a' | 'b' | 'c');
    }
  };
  pump();
  for (let turn = 0; turn < 6000; turn++) {
    // Nine of c's requests end for each of the others.
    const nth = running.findIndex(({ holder }) => (holder === 'c') === (turn % 10 !== 0));
    const [ended = assert.fail()] = running.splice(nth, 1);
    scheduler.finish(ended, { cost: ended.cost, tokens: 0 }, now());
    pump();
  }
  return served;
}

test('tenants share the seats of a full provider by what they are charged, however busy another provider is', () => {
  for (const shareBy of ['level', 'tenant'] as const) {
    const { a = 0, b = 0 } = servedBeside(shareBy, { a: 5, b: 5, c: 5 });
    assert.ok(a + b > 60_000, 'both were served');
    assert.ok(Math.abs(a / b - 1) < 0.02, `${shareBy}: ${a} to ${b}`);
  }
});

test('levels share the seats of a full provider by weight, however busy another provider is', () => {
  const { a = 0, b = 0 } = servedBeside('level', { a: 3, b: 5, c: 9 });
  const [better = 1, worse = 1] = [poolSettings().weights[3], poolSettings().weights[5]];
  assert.ok(Math.abs(a / b / (better / worse) - 1) < 0.02, `${a} to ${b}`);
});

test('requests that wait for an endpoint count in predictions, unlike those of a closed model', () => {
  const { set, start, come, scheduler } = arrange();
  set(at(1));
  set(at(1), 'q');
  start('p1');
  for (let nth = 0; nth < 5; nth++) come(`p${nth}`);
  const { waiting, aside, dueCost } = scheduler.level(5);
  assert.deepEqual([waiting, aside, dueCost], [5, 0, 500]);
  const last = come('last');
  const standing = scheduler.inspection.standings(0)(last);
  assert.deepEqual([standing.reason, standing.costAhead], ['endpoints_busy', 500]);
});

test('a model that the upstream has closed stays closed at free endpoints, and its probe needs one', () => {
  const { set, start, come, seated, scheduler, pass, at: now, end } = arrange();
  set(at(1, 1));
  set(at(4), 'q');
  const busy = start('m1', { model: 'm' });
  scheduler.upstreamBusy(busy, 'model', 3_600_000, now());
  end(busy);
  const others = [start('n1', { model: 'n' }), start('n2', { model: 'n' })];
  come('m2', { model: 'm' });
  pass(30_000);
  assert.deepEqual(seated(), [], 'its probe is due, and both endpoints are full');
  end(others[0] ?? assert.fail());
  assert.deepEqual(seated(), ['m2']);
});

test('seats that follow the upstream fall from those that are there, and are not forgotten while endpoints are down', () => {
  const { set, start, seats, scheduler, at: now } = arrange({ seats: 100, aimd: true });
  set(at(10, 10));
  const place = start('a');
  scheduler.upstreamBusy(place, 'provider', null, now());
  assert.deepEqual(seats(), [18, 1]);
  set(at(10, 0));
  assert.deepEqual(seats(), [10, 1]);
  set(at(10, 10));
  assert.deepEqual(seats(), [18, 1]);
});

// ---- random walks

interface Known {
  readonly seats: ReadonlyMap<string, number>;
}

/** What the walk has told of endpoints, and who waits or runs, by its events. */
class Recount {
  readonly told = new Map<string, Known>();
  readonly untold = new Set<string>();
  readonly running = new Map<number, { request: Request; endpoint: string | null }>();
  readonly waiting = new Map<number, Request>();
  readonly #scheduler: SchedulerById;

  constructor(scheduler: SchedulerById) {
    this.#scheduler = scheduler;
  }

  used(provider: string, id: string): number {
    return [...this.running.values()].filter(one => one.request.provider === provider && one.endpoint === id).length;
  }

  possible({ provider, avoid = [] }: Request): string[] {
    const up = [...(this.told.get(provider)?.seats ?? [])].filter(([, seats]) => seats > 0).map(([id]) => id);
    const others = up.filter(id => !avoid.includes(id));
    return others.length > 0 ? others : up;
  }

  /** Those that have not closed its model. The walks are too short for probes. */
  open(request: Request, now: number): string[] {
    const closed = this.#scheduler.scheduler.inspection.closed(now).filter(({ model }) => model === request.model);
    const shut = closed.flatMap(({ provider, endpoint }) => (provider === request.provider ? endpoint : []));
    return this.possible(request).filter(id => !shut.includes(id));
  }

  hasRoom(request: Request): boolean {
    const known = this.told.get(request.provider);
    if (known === undefined) return true;
    return this.possible(request).some(id => this.used(request.provider, id) < (known.seats.get(id) ?? 0));
  }

  apply(walked: Walk): void {
    for (const event of walked.events.splice(0)) {
      if (event.kind === 'step') {
        const { step } = event;
        if (step.kind === 'endpoints')
          this.told.set(step.provider, { seats: new Map(step.endpoints.map(({ id, seats }) => [id, seats])) });
        continue;
      }
      const { kind, request } = event;
      if (kind === 'granted') this.#granted(request, event.endpoint, event.at);
      else if (kind === 'adopted') {
        const endpoint = walked.scheduler.endpointOf(request.id);
        this.running.set(request.id, { request, endpoint });
      } else if (kind === 'finished' || kind === 'released unused') this.running.delete(request.id);
      else if (kind === 'queued' || kind === 'restored') this.waiting.set(request.id, request);
      else if (kind === 'put back') {
        this.running.delete(request.id);
        this.waiting.set(request.id, { ...request, avoid: walked.avoided(request.id) });
      } else if (kind === 'evicted' || kind === 'expired' || kind === 'cancelled') this.waiting.delete(request.id);
    }
  }

  #granted(request: Request, endpoint: string | null, now: number): void {
    const waited = this.waiting.get(request.id) ?? assert.fail('it waited');
    if (!this.told.has(request.provider)) assert.equal(endpoint, null);
    else {
      const id = endpoint ?? assert.fail('it is at an endpoint');
      const open = this.open(waited, now);
      assert.ok(open.includes(id), `${id} of ${open}`);
      const seats = this.told.get(request.provider)?.seats.get(id) ?? 0;
      assert.ok(this.used(request.provider, id) < seats, 'no more in use than it has seats');
      const shares = open.map(one => {
        return this.used(request.provider, one) / (this.told.get(request.provider)?.seats.get(one) ?? 0);
      });
      assert.equal(this.used(request.provider, id) / seats, Math.min(...shares), 'the freest share');
    }
    this.waiting.delete(request.id);
    this.running.set(request.id, { request, endpoint });
  }
}

const anySteps = fc.array(endpointStep, { minLength: 1, maxLength: 200, size: 'max' });
/** Only seats and endpoints bind. */
const seatsOnly = anyOptions.map(({ settings: { policy, shareBy, weights, seats } }): SchedulerOptions => {
  return { settings: poolSettings({ policy, shareBy, weights, seats }), tenants: new Map() };
});
const isCalm = (step: Step) => step.kind !== 'busy' && step.kind !== 'configure' && step.kind !== 'served';

test('property: no start exceeds the seats of its endpoint, or is at one that is down, closed, avoided or less free than another', () => {
  fc.assert(
    fc.property(anyOptions, anySteps, (options, steps) => {
      const scheduler = new SchedulerById(options);
      const walked = new Walk(scheduler);
      const counted = new Recount(scheduler);
      for (const step of steps) {
        walked.take(step);
        counted.apply(walked);
        walked.pump();
        counted.apply(walked);
      }
    }),
    { numRuns: 300 },
  );
});

test('property: nothing waits while the pool and an endpoint that it may go to have a free seat; at last, all is served', () => {
  fc.assert(
    fc.property(seatsOnly, anySteps, (options, steps) => {
      const scheduler = new SchedulerById(options);
      const walked = new Walk(scheduler);
      const counted = new Recount(scheduler);
      const look = () => {
        walked.pump();
        counted.apply(walked);
        const isFree = scheduler.inUse < scheduler.seats;
        for (const request of counted.waiting.values()) assert.ok(!isFree || !counted.hasRoom(request), 'it may start');
      };
      for (const step of steps.filter(isCalm)) {
        walked.take(step);
        look();
      }
      for (const [provider, ids] of [
        ['p', ['p1', 'p2']],
        ['q', ['q1']],
      ] as const)
        walked.take({ kind: 'endpoints', provider, endpoints: ids.map(id => ({ id, seats: 1 })) });
      look();
      for (let left = counted.waiting.size; left > 0; left = counted.waiting.size) {
        for (const id of counted.running.keys()) scheduler.finish(id, none, walked.now);
        counted.running.clear();
        look();
        assert.ok(counted.waiting.size < left, 'some of them start each time');
      }
      for (const level of allLevels) assert.equal(scheduler.waiting(level), 0);
    }),
    { numRuns: 300 },
  );
});
