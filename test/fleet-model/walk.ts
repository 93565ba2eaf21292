/** Random walks through the world: every step is one action, and now and then a fault of the mix. */
import { Random } from '../../bench/sim/random.ts';
import { rules as allRules, type Rules } from '../../src/fleet/reign/rules.ts';
import type { Times } from '../../src/fleet/reign/times.ts';
import { Laws } from './laws.ts';
import { type Fault, mixes } from './mixes.ts';
import { type Connection, type DeskRules, newWorld, type Proc, running, say, type World, waiting } from './world.ts';

const tickMs = 500;
/** ttl 5 s and dead_after 15 s, as by default; strangers and outages end sooner, so that walks get there. */
export const walkTimes: Times = {
  ttlMs: 5_000,
  reignMs: 4_500,
  lostMs: 2_000,
  heardMs: 1_800,
  deadAfterMs: 15_000,
  isolatedAfterMs: 13_500,
  abandonedAfterMs: 60_000,
  outageMaxMs: 50_000,
  renewEveryMs: 400,
  heirMs: 500,
};

export const wholeDesk: DeskRules = { returnsUnused: true };

export interface WalkOptions {
  readonly rules?: Rules;
  readonly desk?: DeskRules;
  readonly times?: Times;
  readonly isolated?: 'cut' | 'keep';
  readonly isLogged?: boolean;
  /** A fault in so many steps. */
  readonly faultEvery?: number;
  readonly members?: number;
  readonly seats?: number;
}

export interface Walked {
  readonly broken: string | null;
  readonly steps: number;
  readonly granted: number;
  readonly excepted: number;
  readonly log: readonly string[];
}

/** The same seed, mix and options walk the same way. */
export function walk(seed: number, mix: string, steps: number, options: WalkOptions = {}): Walked {
  return new Walk(seed, mix, options).run(steps);
}

class Walk {
  readonly #random: Random;
  readonly #laws: Laws;
  readonly #faults: readonly Fault[];
  readonly #faultEvery: number;
  readonly #w: World;
  #excepted = 0;

  constructor(seed: number, mix: string, options: WalkOptions) {
    const random = new Random(seed);
    this.#random = random;
    this.#faultEvery = options.faultEvery ?? 250;
    this.#faults = Object.entries(mixes[mix] ?? {}).flatMap(([fault, times]) => Array(times).fill(fault) as Fault[]);
    const { rules = allRules, desk = wholeDesk, times = walkTimes, isolated = 'cut' } = options;
    const chance = () => 1 + random.integer(2 ** 30);
    const seats = options.seats ?? 1 + random.integer(5);
    this.#laws = new Laws({ seats, tickMs, times, rules, desk, isolated, isDatabaseAtOnce: false, chance });
    this.#w = newWorld();
    if (options.isLogged === true) this.#w.log = [];
    this.#w.databaseRate = this.#rate();
    const members = options.members ?? 3 + random.integer(4);
    for (let i = 0; i < members; i++) this.#laws.spawn(this.#w, this.#rate());
  }

  #rate(): number {
    return 0.97 + 0.06 * this.#random.uniform();
  }

  run(most: number): Walked {
    const w = this.#w;
    let steps = 0;
    for (; steps < most && w.broken === null; steps++) this.#step();
    if (w.broken === null) this.#settle();
    return { broken: w.broken, steps, granted: w.granted, excepted: this.#excepted, log: w.log ?? [] };
  }

  // ---- one step

  #step(): void {
    const random = this.#random;
    if (this.#faults.length > 0 && random.uniform() < 1 / this.#faultEvery) {
      this.#fault(this.#pick(this.#faults));
      return;
    }
    const x = random.uniform();
    if (x < 0.5) {
      this.#deliverOne();
      return;
    }
    if (x < 0.54) {
      this.#tick();
      return;
    }
    if (x < 0.72) {
      this.#databaseStep(true);
      return;
    }
    const p = this.#pick(this.#live().filter(one => !one.isStopped));
    if (p === undefined) return;
    if (x < 0.84) {
      if (p.state.leaving === 'no' && Object.keys(p.tickets).length < 6) this.#laws.arrive(this.#w, p);
      return;
    }
    this.#clientStep(p, x);
  }

  #clientStep(p: Proc, x: number): void {
    const runs = Object.keys(p.tickets).filter(ticket => p.tickets[ticket] !== 'waits');
    if (x < 0.985) {
      const ticket = this.#random.uniform() < 0.4 ? this.#pick(runs) : undefined;
      if (ticket !== undefined && (!isLong(ticket) || this.#random.uniform() < 0.05))
        this.#laws.finish(this.#w, p, ticket);
      return;
    }
    const ticket = this.#pick(x < 0.993 ? waiting(p) : running(p));
    if (ticket === undefined) return;
    if (x < 0.993) this.#laws.giveUp(this.#w, p, ticket);
    else this.#laws.putBack(this.#w, p, ticket);
  }

  #deliverOne(): void {
    const w = this.#w;
    // From a random place on: the first that can be delivered.
    const from = this.#random.integer(Math.max(1, w.connections.length));
    const isUpFirst = this.#random.uniform() < 0.5;
    for (let i = 0; i < w.connections.length; i++) {
      const c = w.connections[(from + i) % w.connections.length];
      if (c === undefined) continue;
      for (const way of isUpFirst ? (['up', 'down'] as const) : (['down', 'up'] as const)) {
        if (this.#laws.canDeliver(w, c, way)) {
          this.#laws.deliver(w, c, way);
          return;
        }
      }
    }
  }

  #tick(): void {
    const w = this.#w;
    this.#laws.tick(w);
    for (const p of this.#live()) {
      if (p.isStopped && p.stoppedUntil <= w.t) p.isStopped = false;
      this.#excepted += Object.keys(p.tickets).filter(ticket => p.tickets[ticket] === 'excepted').length;
      if (this.#random.uniform() < 0.9) this.#laws.turn(w, p);
      if (p.state.leaving === 'draining') this.#laws.leave(w, p);
    }
  }

  #databaseStep(isFaulty: boolean): void {
    const w = this.#w;
    const p = this.#pick(this.#live().filter(one => one.asked.length > 0 && !one.isStopped));
    const asked = p?.asked[0];
    if (p === undefined || asked === undefined) return;
    const isReached = this.#laws.reachesDatabase(w, p);
    // Whoever reads acts on what may have changed since: reading is answered at once, as it happens all the time.
    if (isReached && asked.statement.do === 'read') {
      this.#laws.execute(w, asked);
      this.#laws.answer(w, p, asked);
      return;
    }
    if (isReached && !asked.isDone) {
      this.#laws.execute(w, asked);
      return;
    }
    // Away: what was executed may have been answered before, or not.
    if (isReached || (asked.isDone && this.#random.uniform() < 0.5)) {
      this.#laws.answer(w, p, asked);
      return;
    }
    this.#laws.giveUpOn(w, p, asked, isFaulty);
  }

  // ---- faults

  #fault(fault: Fault | undefined): void {
    const w = this.#w;
    const live = this.#live();
    const a = this.#pick(live);
    const b = this.#pick(live);
    if (a === undefined || b === undefined) {
      this.#laws.spawn(w, this.#rate());
      return;
    }
    say(w, () => `FAULT ${fault} (${a.id}, ${b.id})`);
    switch (fault) {
      case undefined:
        return;
      case 'kill':
        live.length > 1 ? this.#laws.kill(w, a) : undefined;
        return;
      case 'spawn':
        live.length < 6 ? void this.#laws.spawn(w, this.#rate()) : undefined;
        return;
      case 'leave':
        live.length > 2 ? this.#laws.leave(w, a) : undefined;
        return;
      case 'stop':
        this.#laws.stop(w, a, w.t + 5 + this.#random.integer(25));
        return;
      case 'stopLong':
        this.#laws.stop(w, a, w.t + 60);
        return;
      case 'resume':
        for (const p of live) p.isStopped = false;
        return;
      default:
        if (!this.#faultOfLinks(fault, a, b)) this.#faultOfDatabase(fault, a);
    }
  }

  #faultOfLinks(fault: Fault, a: Proc, b: Proc): boolean {
    const w = this.#w;
    switch (fault) {
      case 'cut':
        if (a !== b) w.cuts[`${b.id}>${a.id}`] = true;
        if (a !== b) w.cuts[`${a.id}>${b.id}`] = true;
        return true;
      case 'cutOneWay':
        if (a !== b) w.cuts[`${a.id}>${b.id}`] = true;
        return true;
      case 'heal':
        w.cuts = {};
        return true;
      case 'reset': {
        const c: Connection | undefined = this.#pick(w.connections);
        if (c !== undefined) this.#laws.reset(c, this.#random.integer(3));
        return true;
      }
      case 'split': {
        const side = new Set(this.#live().filter(() => this.#random.uniform() < 0.5));
        this.#split(side);
        return true;
      }
      case 'mend':
        w.cuts = {};
        for (const p of w.procs) p.hasDatabase = true;
        return true;
      default:
        return false;
    }
  }

  /** One side keeps the database. */
  #split(side: ReadonlySet<Proc>): void {
    const w = this.#w;
    for (const p of side) {
      p.hasDatabase = false;
      for (const other of this.#live()) {
        if (side.has(other)) continue;
        w.cuts[`${p.id}>${other.id}`] = true;
        w.cuts[`${other.id}>${p.id}`] = true;
      }
    }
  }

  #faultOfDatabase(fault: Fault, a: Proc): void {
    const w = this.#w;
    switch (fault) {
      case 'databaseAway':
        w.isDatabaseUp = false;
        return;
      case 'databaseAwayForOne':
        a.hasDatabase = false;
        return;
      case 'databaseBack':
        w.isDatabaseUp = true;
        for (const p of w.procs) p.hasDatabase = true;
        return;
      case 'backup':
        // A row that was just made has seen no reign; a backup that has none of it is an empty database.
        if (w.row.epoch > 0) w.backup = w.row;
        return;
      case 'restore':
        if (w.backup === null) return;
        w.row = { ...w.backup, ageMs: w.backup.ageMs + 10_000, isWhole: false };
        w.backup = null;
        return;
      case 'databaseRestarts':
        // Nothing is forgotten, which nobody can know.
        w.row = { ...w.row, isWhole: false };
        return;
      case 'databaseClockJumps':
        w.row = { ...w.row, ageMs: w.row.ageMs + 2_500 + tickMs * this.#random.integer(30) };
        return;
      case 'giveUp': {
        const asked = this.#pick(a.asked);
        if (asked !== undefined) this.#laws.giveUpOn(w, a, asked, true);
        return;
      }
      case 'late': {
        const statement = this.#pick(w.late);
        if (statement !== undefined && w.isDatabaseUp) this.#laws.executeLate(w, statement);
      }
    }
  }

  // ---- in the end

  /** All faults end: whoever waits is served. */
  #settle(): void {
    const w = this.#w;
    w.cuts = {};
    w.late = [];
    w.isDatabaseUp = true;
    for (const p of w.procs) Object.assign(p, { hasDatabase: true, isStopped: false });
    say(w, () => 'all faults end');
    const left = () => this.#live().reduce((sum, p) => sum + Object.keys(p.tickets).length, 0);
    for (let i = 0; i < 40_000 && w.broken === null && left() > 0; i++) {
      const x = this.#random.uniform();
      if (x < 0.5) this.#deliverOne();
      else if (x < 0.56) this.#tick();
      else if (x < 0.78) this.#databaseStep(false);
      else {
        const p = this.#pick(this.#live());
        const ticket = p && this.#pick(Object.keys(p.tickets).filter(one => p.tickets[one] !== 'waits'));
        if (p !== undefined && ticket !== undefined) this.#laws.finish(w, p, ticket);
      }
    }
    if (w.broken !== null || left() === 0) return;
    w.broken = `stuck: ${left()} requests of ${this.#live().length} processes are never served`;
    say(w, () => w.broken);
  }

  #live(): Proc[] {
    return this.#w.procs.filter(p => p.isUp);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random.integer(Math.max(1, list.length))];
  }
}

/** One stream in six lasts for longer than dead_after. */
const isLong = (ticket: string): boolean => Number.parseInt(ticket.slice(ticket.indexOf('.') + 1), 10) % 6 === 5;
