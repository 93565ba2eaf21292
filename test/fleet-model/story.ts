/** One course of events, step by step: shows what a rule prevents, where a random search would take too long. */
import { rules as allRules, type Rules } from '../../src/fleet/reign/rules.ts';
import { Laws } from './laws.ts';
import { walkTimes, wholeDesk } from './walk.ts';
import { type Asked, type Connection, type DeskRules, newWorld, type Proc, running, type World } from './world.ts';

type Way = 'up' | 'down';

export class Story {
  readonly w: World = newWorld();
  readonly laws: Laws;
  /** Added to the highest epoch by the next election. */
  chance = 1_000;
  /** Selects the messages that are not delivered yet. */
  holds: (c: Connection, way: Way) => boolean = () => false;
  /** Selects the statements that are executed, but whose answers are lost. */
  isUnanswered: (asked: Asked) => boolean = () => false;
  /** The process whose statements are not executed yet. */
  waiting: Proc | null = null;

  /** `seats` seats; of the processes the first conducts, the others are its members. */
  constructor(rules: Partial<Rules>, seats: number, processes: number, desk: Partial<DeskRules> = {}) {
    this.laws = new Laws({
      seats,
      tickMs: 500,
      times: walkTimes,
      rules: { ...allRules, ...rules },
      desk: { ...wholeDesk, ...desk },
      isolated: 'cut',
      isDatabaseAtOnce: false,
      chance: () => this.chance,
    });
    this.w.log = [];
    for (let i = 0; i < processes; i++) this.laws.spawn(this.w);
    this.pass(6);
  }

  /** Of the processes that are up, told by their number. */
  p(at: number): Proc {
    const p = this.w.procs[at];
    if (p === undefined) throw new Error(`no process ${at}`);
    return p;
  }

  comes(): Proc {
    return this.laws.spawn(this.w);
  }

  pass(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.laws.tick(this.w);
      for (const p of this.w.procs) {
        this.laws.turn(this.w, p);
        this.flow();
      }
    }
  }

  turn(p: Proc): void {
    this.laws.turn(this.w, p);
    this.flow();
  }

  /** Everything arrives that is not held, cut off or stopped. */
  flow(): void {
    for (let i = 0; i < 10_000; i++) if (!this.#one()) return;
    throw new Error('messages go in circles');
  }

  #one(): boolean {
    const { w, laws } = this;
    for (const p of w.procs) {
      const asked = p.isStopped ? undefined : p.asked.find(one => p !== this.waiting || one.statement.do === 'read');
      if (asked === undefined) continue;
      if (!laws.reachesDatabase(w, p)) laws.giveUpOn(w, p, asked, false);
      else {
        laws.execute(w, asked);
        if (this.isUnanswered(asked)) laws.giveUpOn(w, p, asked, false);
        else laws.answer(w, p, asked);
      }
      return true;
    }
    for (const c of w.connections) {
      for (const way of ['up', 'down'] as const) {
        if (!laws.canDeliver(w, c, way) || this.holds(c, way)) continue;
        laws.deliver(w, c, way);
        return true;
      }
    }
    return false;
  }

  /** A request comes, and starts if it may. */
  asks(...procs: Proc[]): void {
    for (const p of procs) {
      this.laws.arrive(this.w, p);
      this.flow();
    }
  }

  finishes(p: Proc): void {
    for (const ticket of running(p)) this.laws.finish(this.w, p, ticket);
    this.flow();
  }

  cut(a: Proc, b: Proc): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  cutOneWay(a: Proc, b: Proc): void {
    this.w.cuts[`${a.id}>${b.id}`] = true;
  }

  heal(): void {
    this.w.cuts = {};
  }

  stop(p: Proc): void {
    this.laws.stop(this.w, p, 0);
  }

  resume(p: Proc): void {
    p.isStopped = false;
  }

  kill(p: Proc): void {
    this.laws.kill(this.w, p);
  }

  /** A member's newest connection breaks, and what it carried is lost beyond the first `kept` messages. */
  breaks(p: Proc, kept = 0): void {
    const c = this.w.connections.find(one => one.member === p.id && one.generation === p.state.contact.generation);
    if (c !== undefined) this.laws.reset(c, kept);
  }

  /** The row as a copy has it that knows no reign of today. */
  restoresOld(): void {
    this.w.row = { epoch: 1, holder: null, ageMs: 1_000_000, stamp: 'old', isWhole: false, members: [] };
  }
}
