/**
 * Every order of events from a settled fleet on, up to so many faults and ticks: a search through all states, each once.
 * Times are counted in ticks, and made alike wherever no rule can tell them apart.
 */
import { createHash } from 'node:crypto';
import { rules as allRules, type Rules } from '../../src/fleet/reign/rules.ts';
import { makeAlike, smallTimes } from './alike.ts';
import { Laws } from './laws.ts';
import { wholeDesk } from './walk.ts';
import { type Connection, type DeskRules, newWorld, type Proc, procOf, running, say, type World } from './world.ts';

export type Fault = 'kill' | 'cut' | 'cutOneWay' | 'stop' | 'databaseAwayForOne' | 'databaseAway' | 'restore' | 'spawn';
export const faults: readonly Fault[] = [
  'kill',
  'cut',
  'cutOneWay',
  'stop',
  'databaseAwayForOne',
  'databaseAway',
  'restore',
];

export interface Search {
  readonly members: number;
  readonly seats: number;
  readonly ticketsOfEach: number;
  readonly mostFaults: number;
  readonly mostTicks: number;
  readonly kinds?: readonly Fault[];
  readonly rules?: Rules;
  readonly desk?: DeskRules;
  /** Ends the search unfinished. */
  readonly mostStates?: number;
  readonly onLayer?: (depth: number, states: number) => void;
}

export interface Searched {
  readonly isComplete: boolean;
  readonly states: number;
  readonly transitions: number;
  readonly broken: string | null;
  /** The shortest way to what broke. */
  readonly log: readonly string[];
}

type Step = readonly [
  what: Fault | 'deliver' | 'tick' | 'arrive' | 'finish' | 'resume' | 'heal' | 'back',
  a: string,
  b: string,
];
interface Node {
  readonly world: string;
  readonly path: { readonly step: Step; readonly up: Node['path'] } | null;
}

interface Counted extends World {
  faults: number;
}

export function search(options: Search): Searched {
  return new SmallStates(options).run();
}

class SmallStates {
  readonly #o: Search;
  readonly #kinds: readonly Fault[];
  readonly #laws: Laws;
  readonly #seen = new Map<string, number>();
  #transitions = 0;

  constructor(options: Search) {
    this.#o = options;
    this.#kinds = options.kinds ?? faults;
    const { seats, rules = allRules, desk = wholeDesk } = options;
    // Sums of different powers of two: never the same epoch twice.
    const chance = (w: World) => 2 ** ++w.draws;
    this.#laws = new Laws({
      seats,
      tickMs: 1,
      times: smallTimes,
      rules,
      desk,
      isolated: 'cut',
      isDatabaseAtOnce: true,
      chance,
    });
  }

  run(): Searched {
    const first = this.#settled();
    this.#isNew(first);
    let layer: Node[] = [{ world: JSON.stringify(first), path: null }];
    for (let depth = 0; layer.length > 0; depth++) {
      const next: Node[] = [];
      for (const node of layer) {
        const found = this.#expand(node, next);
        if (found !== null) return this.#result(false, this.#told(JSON.stringify(first), found));
        if (this.#seen.size > (this.#o.mostStates ?? Number.POSITIVE_INFINITY)) return this.#result(false, null);
      }
      layer = next;
      this.#o.onLayer?.(depth, this.#seen.size);
    }
    return this.#result(true, null);
  }

  #result(isComplete: boolean, told: World | null): Searched {
    const { broken = null, log = [] } = told ?? {};
    return { isComplete, states: this.#seen.size, transitions: this.#transitions, broken, log: log ?? [] };
  }

  /** One conducts, all are welcomed and listed. */
  #settled(): Counted {
    const w: Counted = { ...newWorld(), faults: 0 };
    for (let i = 0; i < this.#o.members; i++) this.#laws.spawn(w);
    for (let i = 0; i < 8; i++) {
      this.#tick(w);
      for (let isMore = true; isMore; ) isMore = this.#deliverAll(w, () => true);
    }
    w.t = 0;
    w.backup = { ...w.row, epoch: 1, holder: null, members: [], ageMs: smallTimes.abandonedAfterMs };
    makeAlike(w);
    return w;
  }

  /** Adds the new states after `node`; answers the way to what broke. */
  #expand(node: Node, next: Node[]): Node['path'] {
    for (const step of this.#steps(JSON.parse(node.world) as Counted)) {
      const w = JSON.parse(node.world) as Counted;
      this.#apply(w, step);
      this.#transitions++;
      const path = { step, up: node.path };
      if (w.broken !== null) return path;
      if (this.#isNew(w)) next.push({ world: JSON.stringify(w), path });
    }
    return null;
  }

  #isNew(w: Counted): boolean {
    const { t, granted, log, epochs, ...rest } = w;
    const key = createHash('sha1').update(JSON.stringify(rest)).digest('base64').slice(0, 16);
    const at = this.#seen.get(key);
    if (at !== undefined && at <= t) return false;
    this.#seen.set(key, t);
    return true;
  }

  #told(first: string, path: Node['path']): World {
    const steps: Step[] = [];
    for (let at = path; at !== null; at = at.up) steps.unshift(at.step);
    const w = JSON.parse(first) as Counted;
    w.log = [];
    for (const step of steps) {
      if (step[0] !== 'deliver' && step[0] !== 'finish' && step[0] !== 'arrive') say(w, () => `— ${step.join(' ')}`);
      this.#apply(w, step);
    }
    return w;
  }

  // ---- what may happen next

  #steps(w: Counted): Step[] {
    const { mostTicks, ticketsOfEach } = this.#o;
    const steps: Step[] = [];
    let isLate = false;
    for (const [at, c] of w.connections.entries()) {
      for (const way of ['up', 'down'] as const) {
        if (!this.#laws.canDeliver(w, c, way)) continue;
        steps.push(['deliver', String(at), way]);
        isLate ||= (way === 'up' ? c.upLate : c.downLate) > 0;
      }
    }
    const live = w.procs.filter(p => p.isUp);
    for (const p of live) {
      if (p.isStopped) steps.push(['resume', p.id, '']);
      else if (p.arrived < ticketsOfEach && w.t === 0) steps.push(['arrive', p.id, '']);
      if (!p.isStopped) for (const ticket of running(p)) steps.push(['finish', p.id, ticket]);
    }
    if (w.faults < this.#o.mostFaults) this.#faults(w, live, steps);
    if (Object.keys(w.cuts).length > 0) steps.push(['heal', '', '']);
    if (!w.isDatabaseUp || live.some(p => !p.hasDatabase)) steps.push(['back', '', '']);
    // A message that can be delivered waits for one tick at most.
    if (w.t < mostTicks && !isLate) steps.push(['tick', '', '']);
    return steps;
  }

  #faults(w: Counted, live: readonly Proc[], steps: Step[]): void {
    const add = (fault: Fault, a = '', b = '') => {
      if (this.#kinds.includes(fault)) steps.push([fault, a, b]);
    };
    for (const p of live) {
      add('kill', p.id);
      if (!p.isStopped) add('stop', p.id);
      if (p.hasDatabase) add('databaseAwayForOne', p.id);
      for (const other of live) {
        if (other === p || w.cuts[`${p.id}>${other.id}`]) continue;
        if (p.id < other.id) add('cut', p.id, other.id);
        add('cutOneWay', p.id, other.id);
      }
    }
    if (w.isDatabaseUp) add('databaseAway');
    if (w.backup !== null) add('restore');
    if (w.procs.length <= this.#o.members) add('spawn');
  }

  #apply(w: Counted, [what, a, b]: Step): void {
    if ((this.#kinds as readonly string[]).includes(what)) w.faults++;
    switch (what) {
      case 'deliver': {
        const c = w.connections[Number(a)];
        if (c !== undefined) this.#laws.deliver(w, c, b === 'up' ? 'up' : 'down');
        break;
      }
      case 'tick':
        this.#tick(w);
        break;
      case 'arrive':
        this.#laws.arrive(w, procOf(w, a));
        break;
      case 'finish':
        this.#laws.finish(w, procOf(w, a), b);
        break;
      case 'resume':
        procOf(w, a).isStopped = false;
        break;
      case 'heal':
        w.cuts = {};
        break;
      case 'back':
        w.isDatabaseUp = true;
        for (const p of w.procs) p.hasDatabase = true;
        break;
      default:
        this.#break(w, what, a, b);
    }
    // Beats, and the end of a connection, are delayed by a cut or a stop only; all else at will.
    while (this.#deliverAll(w, isPrompt));
    makeAlike(w);
  }

  #break(w: Counted, fault: Fault, a: string, b: string): void {
    switch (fault) {
      case 'kill':
        this.#laws.kill(w, procOf(w, a));
        return;
      case 'stop':
        this.#laws.stop(w, procOf(w, a), 0);
        return;
      case 'databaseAwayForOne':
        procOf(w, a).hasDatabase = false;
        return;
      case 'databaseAway':
        w.isDatabaseUp = false;
        return;
      case 'cut':
        w.cuts[`${b}>${a}`] = true;
        w.cuts[`${a}>${b}`] = true;
        return;
      case 'cutOneWay':
        w.cuts[`${a}>${b}`] = true;
        return;
      case 'restore':
        if (w.backup !== null) w.row = { ...w.backup, isWhole: false };
        w.backup = null;
        return;
      case 'spawn':
        this.#laws.spawn(w);
        return;
      default:
        fault satisfies never;
    }
  }

  #tick(w: World): void {
    for (const c of w.connections) {
      c.upLate = c.up.length > 0 ? 1 : 0;
      c.downLate = c.down.length > 0 ? 1 : 0;
    }
    this.#laws.tick(w);
    for (const p of w.procs) this.#laws.turn(w, p);
  }

  #deliverAll(w: World, isMeant: (c: Connection, way: 'up' | 'down') => boolean): boolean {
    for (const c of w.connections) {
      for (const way of ['up', 'down'] as const) {
        if (!this.#laws.canDeliver(w, c, way) || !isMeant(c, way)) continue;
        this.#laws.deliver(w, c, way);
        return true;
      }
    }
    return false;
  }
}

/** The beats and ends that are delivered at once, where they can be. */
function isPrompt(c: Connection, way: 'up' | 'down'): boolean {
  const [message] = c[way];
  if (message === undefined) return false;
  if (message.k === 'closed') return true;
  return message.k === 'reign' && (message.message.t === 'beat' || message.message.t === 'elsewhere');
}
