/**
 * Every order of events from a settled fleet on, up to so many faults and ticks: a search through all states, each once.
 * Times are counted in ticks, and made alike wherever no rule can tell them apart.
 */
import { createHash } from 'node:crypto';
import { rules as allRules, type Rules } from '../../src/fleet/reign/rules.ts';
import type { Times } from '../../src/fleet/reign/times.ts';
import { wholeDesk } from './walk.ts';
import {
  type Connection,
  type DeskRules,
  Laws,
  newWorld,
  type Proc,
  procOf,
  running,
  say,
  type World,
} from './world.ts';

const times: Times = {
  ttlMs: 2,
  reignMs: 1,
  lostMs: 1,
  heardMs: 0.9,
  deadAfterMs: 4,
  isolatedAfterMs: 3,
  abandonedAfterMs: 9,
  outageMaxMs: 7,
  renewEveryMs: 1,
  heirMs: 1,
};

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
    this.#laws = new Laws({ seats, tickMs: 1, times, rules, desk, isolated: 'cut', isDatabaseAtOnce: true, chance });
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
    w.backup = { ...w.row, epoch: 1, holder: null, members: [], ageMs: times.abandonedAfterMs };
    this.#alike(w);
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
    // What can be delivered waits for one tick at most.
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
    this.#alike(w);
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
        if (w.backup !== null) w.row = w.backup;
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

  // ---- what no rule can tell apart is made the same

  #alike(w: World): void {
    w.row = { ...w.row, ageMs: Math.min(w.row.ageMs, times.abandonedAfterMs + 1) };
    const stamp = w.row.stamp;
    const stampOf = (one: string) => (one === stamp ? 'now' : 'before');
    for (const p of w.procs) {
      if (!p.isUp) Object.assign(p, { tickets: {}, asked: [], freed: 0, isStopped: false, hasDatabase: true });
      shift(w, p);
      forgetPast(p);
      if (p.state.row !== null) p.state.row = { ...p.state.row, stamp: stampOf(p.state.row.stamp) };
      if (p.state.conducted !== null) p.state.conducted.stamp = stampOf(p.state.conducted.stamp);
    }
    w.row = { ...w.row, stamp: 'now' };
    if (w.backup !== null) w.backup = { ...w.backup, stamp: 'backup' };
    w.writes = 0;
    renumber(w);
    w.connections.sort((a, b) => order(a) - order(b));
  }
}

const order = (c: Connection): number =>
  Number(c.member.slice(1)) * 1e6 + c.generation * 100 + Number(c.conductor.slice(1));

/** The beats and ends that are delivered at once, where they can be. */
function isPrompt(c: Connection, way: 'up' | 'down'): boolean {
  const [message] = c[way];
  if (message === undefined) return false;
  if (message.k === 'closed') return true;
  return message.k === 'reign' && (message.message.t === 'beat' || message.message.t === 'elsewhere');
}

/** Sets the clock of a process to 0, with all that was noted by it; what is older than any rule asks for is equally old. */
function shift(w: World, p: Proc): void {
  const { now, state } = p;
  const at = (moment: number | null, most: number): number | null =>
    moment === null || now - moment > most ? null : moment - now;
  const floor = (moment: number, most: number): number => Math.max(moment - now, -most - 1);
  p.now = 0;
  const { contact, conducted } = state;
  contact.openedAt = at(contact.openedAt, times.lostMs);
  contact.sentAt = at(contact.sentAt, times.lostMs);
  contact.answeredAt = at(contact.answeredAt, times.isolatedAfterMs);
  state.releasedAt = at(state.releasedAt, times.heirMs * 3);
  state.rowReadAt = at(state.rowReadAt, times.lostMs);
  if (conducted !== null) {
    conducted.beganAt = floor(conducted.beganAt, times.ttlMs + times.deadAfterMs);
    conducted.renewedAt = floor(conducted.renewedAt, times.outageMaxMs ?? 0);
    conducted.askedAt = at(conducted.askedAt, times.renewEveryMs);
    for (const a of conducted.attendees) {
      a.heardAt = at(a.heardAt, times.deadAfterMs);
      a.answeredAt = at(a.answeredAt, times.ttlMs);
    }
  }
  for (const other of w.procs) {
    const { contact: theirs } = other.state;
    if (theirs.to?.id === p.id && theirs.heardBeat !== null) theirs.heardBeat = floor(theirs.heardBeat, times.ttlMs);
  }
  for (const c of w.connections) shiftMessages(c, p, floor);
}

function shiftMessages(c: Connection, p: Proc, floor: (moment: number, most: number) => number): void {
  const most = times.isolatedAfterMs;
  const stamp = <M extends object>(message: M, isMine: boolean): M => {
    const name = isMine ? 'beat' : 'answers';
    const moment: unknown = Reflect.get(message, name);
    return typeof moment === 'number' ? { ...message, [name]: floor(moment, most) } : message;
  };
  if (p.id !== c.member && p.id !== c.conductor) return;
  const isMember = p.id === c.member;
  c.up = c.up.map(m => {
    if (m.k === 'hello') return isMember ? { ...m, hello: stamp(m.hello, true) } : m;
    return m.k === 'reign' ? { ...m, message: stamp(m.message, isMember) } : m;
  });
  c.down = c.down.map(m => (m.k === 'reign' ? { ...m, message: stamp(m.message, !isMember) } : m));
}

/** What a process remembers and never looks at again. */
function forgetPast(p: Proc): void {
  const { state } = p;
  state.asks = 0;
  if (state.rowReadAt === null) state.row = null;
  if (state.conducted !== null || !p.isUp) Object.assign(state, { row: null, rowReadAt: null, releasedAt: null });
  if (p.isUp) return;
  const { generation } = state.contact;
  const contact = {
    to: null,
    generation,
    link: 'none',
    openedAt: null,
    sentAt: null,
    answeredAt: null,
    heardBeat: null,
  };
  Object.assign(state, {
    contact,
    told: { epoch: 0, members: [] },
    gone: [],
    conducted: null,
    epoch: 0,
    isIsolated: true,
  });
}

/** Of the numbers of a member's connections only the order counts. */
function renumber(w: World): void {
  for (const p of w.procs) {
    const views = w.procs.flatMap(
      other => other.state.conducted?.attendees.filter(a => a.listed.id === p.id && a.generation > 0) ?? [],
    );
    const mine = w.connections.filter(c => c.member === p.id);
    const used = [p.state.contact.generation, ...views.map(a => a.generation), ...mine.map(c => c.generation)];
    const ranks = [...new Set(used)].sort((a, b) => a - b);
    const rank = (generation: number) => ranks.indexOf(generation) + 1;
    p.state.contact.generation = rank(p.state.contact.generation);
    for (const a of views) a.generation = rank(a.generation);
    for (const c of mine) c.generation = rank(c.generation);
  }
}
