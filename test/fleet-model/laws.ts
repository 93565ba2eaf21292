/**
 * Carries out the events of a world: the real `Reign` of every process, the simplest pool that grants seats, and a
 * database that writes by the rules of row.ts. Nothing is random here: the caller chooses every event.
 */
import type { Action, FromConductor, FromMember, Hello } from '../../src/fleet/reign/actions.ts';
import type { MemberId } from '../../src/fleet/reign/list.ts';
import { newState } from '../../src/fleet/reign/process.ts';
import { Reign } from '../../src/fleet/reign/reign.ts';
import { afterElection, afterRelease, afterRenewal, type Written } from '../../src/fleet/reign/row.ts';
import {
  type Asked,
  type Connection,
  callsInFlight,
  type Downward,
  fail,
  forget,
  fullName,
  isBeat,
  isOpen,
  memberOf,
  type Proc,
  poolName,
  procOf,
  running,
  type Setting,
  type Statement,
  say,
  send,
  shownRow,
  type Ticket,
  told,
  type Upward,
  type World,
  waiting,
} from './world.ts';

/** The laws of a world; the world itself is only data. */
export class Laws {
  readonly setting: Setting;
  #reigns = new WeakMap<Proc, Reign>();

  constructor(setting: Setting) {
    this.setting = setting;
  }

  // ---- what may happen

  spawn(w: World, rate = 1): Proc {
    const id = `m${w.procs.length}`;
    const p: Proc = {
      id,
      isUp: true,
      isStopped: false,
      stoppedUntil: 0,
      rate,
      now: 0,
      state: newState(),
      tickets: {},
      arrived: 0,
      freed: 0,
      pool: null,
      asked: [],
      hasDatabase: true,
    };
    w.procs.push(p);
    return p;
  }

  reign(w: World, p: Proc): Reign {
    const known = this.#reigns.get(p);
    if (known !== undefined) return known;
    const { times, rules, chance } = this.setting;
    const reign = new Reign({ self: fullName(p.id), times, rules, chance: () => chance(w), state: p.state });
    this.#reigns.set(p, reign);
    return reign;
  }

  /** Time passes by one tick for all. */
  tick(w: World): void {
    const { tickMs } = this.setting;
    w.t++;
    w.row = { ...w.row, ageMs: w.row.ageMs + tickMs * w.databaseRate };
    for (const p of w.procs) {
      if (!p.isUp) continue;
      p.now += tickMs * p.rate;
      if (p.isStopped) this.#exceptStopped(p);
    }
  }

  /** Nobody can stop the calls of a process that is stopped beyond its time. */
  #exceptStopped(p: Proc): void {
    const { answeredAt } = p.state.contact;
    if (answeredAt !== null && p.now - answeredAt <= this.setting.times.isolatedAfterMs) return;
    for (const ticket of running(p)) p.tickets[ticket] = 'excepted';
  }

  /** One turn of a process's timer. */
  turn(w: World, p: Proc): void {
    if (p.isUp && !p.isStopped) this.#do(w, p, this.reign(w, p).tick(p.now));
  }

  arrive(w: World, p: Proc): void {
    const ticket = `${p.id}.${p.arrived++}`;
    p.tickets[ticket] = 'waits';
    say(w, () => `${p.id}: ${ticket} arrives`);
    this.#up(w, p, { k: 'enter', ticket });
  }

  finish(w: World, p: Proc, ticket: string): void {
    const was = p.tickets[ticket];
    delete p.tickets[ticket];
    say(w, () => `${p.id}: ${ticket} is finished`);
    this.#free(w, p, ticket, was);
  }

  giveUp(w: World, p: Proc, ticket: string): void {
    delete p.tickets[ticket];
    say(w, () => `${p.id}: the client of ${ticket} leaves`);
    this.#up(w, p, { k: 'leave', ticket });
  }

  putBack(w: World, p: Proc, ticket: string): void {
    const was = p.tickets[ticket];
    // A ticket that is put back gets a new number.
    const as = `${ticket}'`;
    delete p.tickets[ticket];
    p.tickets[as] = 'waits';
    say(w, () => `${p.id}: ${ticket} is put back as ${as}`);
    if (!this.#up(w, p, { k: 'putBack', ticket, as }) && was === 'runs') p.freed++;
  }

  kill(w: World, p: Proc): void {
    say(w, () => `${p.id} is killed`);
    this.#end(w, p);
  }

  stop(w: World, p: Proc, until: number): void {
    say(w, () => `${p.id} is stopped`);
    p.isStopped = true;
    p.stoppedUntil = until;
  }

  leave(w: World, p: Proc): void {
    if (p.state.leaving === 'left' || !p.isUp || p.isStopped) return;
    this.#do(w, p, this.reign(w, p).leave(Object.keys(p.tickets).length === 0, p.now));
  }

  /** A connection breaks; what it carried is lost beyond the first `kept` messages. */
  reset(c: Connection, kept: number): void {
    c.up = [...c.up.slice(0, kept), { k: 'closed' }];
    c.down = [...c.down.slice(0, kept), { k: 'closed' }];
  }

  canReach(w: World, from: MemberId, to: MemberId): boolean {
    return w.cuts[`${from}>${to}`] === undefined;
  }

  // ---- messages

  canDeliver(w: World, c: Connection, way: 'up' | 'down'): boolean {
    if (c[way].length === 0) return false;
    const [from, to] = way === 'up' ? [c.member, c.conductor] : [c.conductor, c.member];
    return this.canReach(w, from, to) && !procOf(w, to).isStopped;
  }

  deliver(w: World, c: Connection, way: 'up' | 'down'): void {
    const to = procOf(w, way === 'up' ? c.conductor : c.member);
    if (way === 'up') c.upLate = 0;
    else c.downLate = 0;
    if (way === 'up') {
      const message = c.up.shift();
      if (message !== undefined && to.isUp) this.#atConductor(w, to, c, message);
    } else {
      const message = c.down.shift();
      if (message !== undefined && to.isUp) this.#atMember(w, to, c, message);
    }
    this.#sweep(w, c);
  }

  #sweep(w: World, c: Connection): void {
    if (!procOf(w, c.conductor).isUp) c.up = [];
    if (!procOf(w, c.member).isUp) c.down = [];
    const isOver = !isOpen(w, c);
    if (isOver && c.up.length === 0 && c.down.length === 0) w.connections = w.connections.filter(other => other !== c);
  }

  #atConductor(w: World, p: Proc, c: Connection, message: Upward): void {
    const reign = this.reign(w, p);
    const { member, generation } = c;
    say(w, () => (isBeat(message) ? null : `${member} → ${p.id} (${generation}): ${told(message)}`));
    if (message.k === 'hello') {
      this.#greeted(w, p, c, message);
      return;
    }
    if (message.k === 'reign') {
      this.#do(w, p, reign.heard(member, generation, message.message, p.now));
      return;
    }
    if (message.k === 'closed') {
      this.#do(w, p, reign.linkLost(member, generation, p.now));
      return;
    }
    if (reign.counts(member, generation, p.now)) this.#atPool(p, message);
    this.#pump(w, p);
  }

  #greeted(w: World, p: Proc, c: Connection, { hello, held, waiting }: Extract<Upward, { k: 'hello' }>): void {
    const actions = this.reign(w, p).greeted(hello, c.generation, p.now);
    const isWelcome = actions.some(a => a.do === 'tellMember' && a.to === c.member && a.message.t === 'welcome');
    if (p.pool !== null && isWelcome) {
      forget(p.pool, c.member);
      for (const ticket of held) p.pool.held[ticket] = c.member;
      p.pool.waiting.push(...waiting);
    }
    this.#do(w, p, actions);
  }

  #atPool(p: Proc, message: Upward): void {
    const { pool } = p;
    if (pool === null) return;
    switch (message.k) {
      case 'enter':
        if (pool.held[message.ticket] === undefined && !pool.waiting.includes(message.ticket))
          pool.waiting.push(message.ticket);
        return;
      case 'leave':
        pool.waiting = pool.waiting.filter(ticket => ticket !== message.ticket);
        return;
      case 'finish':
        delete pool.held[message.ticket];
        return;
      case 'putBack':
        delete pool.held[message.ticket];
        if (!pool.waiting.includes(message.as)) pool.waiting.unshift(message.as);
    }
  }

  #atMember(w: World, p: Proc, c: Connection, message: Downward): void {
    const reign = this.reign(w, p);
    say(w, () => (isBeat(message) ? null : `${c.conductor} → ${p.id} (${c.generation}): ${told(message)}`));
    if (message.k === 'reign') {
      this.#do(w, p, reign.told(c.generation, message.message, p.now));
      return;
    }
    if (message.k === 'closed') {
      this.#do(w, p, reign.ended(c.generation, 'lost', p.now));
      return;
    }
    const { contact } = p.state;
    if (contact.generation === c.generation && contact.link === 'open') this.#seated(w, p, message.ticket);
  }

  #seated(w: World, p: Proc, ticket: string): void {
    const state = p.tickets[ticket];
    if (state === 'runs' || state === 'excepted') return;
    if (state === undefined) {
      if (this.setting.desk.returnsUnused) this.#up(w, p, { k: 'finish', ticket });
    } else if (this.reign(w, p).mayStart(p.now)) this.#start(w, p, ticket);
    else this.#do(w, p, this.reign(w, p).seatedTooLate(p.now));
  }

  #start(w: World, p: Proc, ticket: string): void {
    p.tickets[ticket] = 'runs';
    w.granted++;
    const inFlight = callsInFlight(w);
    say(w, () => `${p.id} starts ${ticket}: ${inFlight} in flight`);
    if (inFlight > this.setting.seats) fail(w, `${inFlight} calls in flight with ${this.setting.seats} seats`);
  }

  /** Whether there was somebody to tell. */
  #up(w: World, p: Proc, message: Upward): boolean {
    if (p.pool !== null) {
      this.#atPool(p, message);
      this.#pump(w, p);
      return true;
    }
    const { link, generation } = p.state.contact;
    const c =
      link === 'open' ? w.connections.find(one => one.member === p.id && one.generation === generation) : undefined;
    if (c === undefined) return link === 'open';
    send(c.up, message);
    return true;
  }

  #free(w: World, p: Proc, ticket: string, was: Ticket | undefined): void {
    if (!this.#up(w, p, { k: 'finish', ticket }) && was === 'runs' && !p.state.isIsolated) p.freed++;
  }

  // ---- the pool of a conductor

  #pump(w: World, p: Proc): void {
    const { pool } = p;
    if (pool === null || pool.waiting.length === 0) return;
    const reign = this.reign(w, p);
    const most = Math.min(this.setting.seats, reign.budget(poolName) ?? this.setting.seats);
    while (p.pool === pool && Object.keys(pool.held).length < most) {
      const at = pool.waiting.findIndex(ticket => reign.mayGrant(memberOf(ticket), p.now));
      const ticket = pool.waiting[at];
      if (ticket === undefined) return;
      pool.waiting.splice(at, 1);
      pool.held[ticket] = memberOf(ticket);
      this.#grant(w, p, ticket);
    }
  }

  #grant(w: World, p: Proc, ticket: string): void {
    const member = memberOf(ticket);
    if (member === p.id) {
      this.#start(w, p, ticket);
      return;
    }
    const generation = p.state.conducted?.attendees.find(a => a.listed.id === member)?.generation;
    const c = w.connections.find(one => one.member === member && one.generation === generation);
    if (c !== undefined) send(c.down, { k: 'seat', ticket });
  }

  // ---- what a reign asks for

  #do(w: World, p: Proc, actions: readonly Action[]): void {
    for (const action of actions) if (p.isUp) this.#act(w, p, action);
    this.#pump(w, p);
  }

  #act(w: World, p: Proc, action: Action): void {
    switch (action.do) {
      case 'read':
      case 'elect':
      case 'renew':
      case 'release':
        this.#ask(w, p, action);
        return;
      case 'knock':
        this.#knock(w, p, action.at.id);
        return;
      case 'connect':
        this.#connect(w, p, action.to.id, action.generation);
        return;
      case 'hangUp':
        this.#hangUp(w, p, action.generation);
        return;
      case 'greet':
        this.#greet(w, p, action.generation, action.hello);
        return;
      case 'tellConductor':
        this.#toConductor(w, p, action.generation, action.message);
        return;
      case 'tellMember':
        this.#toMember(w, p, action.to, action.generation, action.message);
        return;
      case 'dismiss':
        this.#dismiss(w, p, action.member, action.generation);
        return;
      case 'conduct':
        this.#conduct(w, p, action.epoch);
        return;
      case 'abdicate':
        say(w, () => `${p.id} abdicates: ${action.why}`);
        p.pool = null;
        return;
      case 'free':
        say(w, () => `${p.id} frees the seats of ${action.member}: ${action.why}`);
        if (p.pool !== null) forget(p.pool, action.member);
        return;
      case 'isolate':
        this.#isolate(w, p);
        return;
      case 'depart':
        say(w, () => `${p.id} has left`);
        this.#end(w, p);
        return;
      default:
        action satisfies never;
        return;
    }
  }

  #conduct(w: World, p: Proc, epoch: number): void {
    const held = Object.keys(p.tickets).filter(ticket => p.tickets[ticket] !== 'waits');
    say(w, () => `${p.id} conducts (${epoch})`);
    p.pool = { held: Object.fromEntries(held.map(ticket => [ticket, p.id])), waiting: waiting(p) };
    this.reign(w, p).bring([{ pool: poolName, seats: running(p).length + p.freed }]);
    p.freed = 0;
  }

  #isolate(w: World, p: Proc): void {
    say(w, () => `${p.id} is isolated`);
    p.freed = 0;
    for (const ticket of running(p)) {
      if (this.setting.isolated === 'keep') p.tickets[ticket] = 'excepted';
      else this.finish(w, p, ticket);
    }
  }

  #end(w: World, p: Proc): void {
    p.isUp = false;
    p.pool = null;
    p.asked = [];
    p.tickets = {};
    for (const c of [...w.connections]) {
      // Messages that it has sent may still arrive, followed by the end of the connection.
      if (c.member === p.id) c.up.push({ k: 'closed' });
      if (c.conductor === p.id) c.down.push({ k: 'closed' });
      if (c.member === p.id || c.conductor === p.id) this.#sweep(w, c);
    }
  }

  #knock(w: World, p: Proc, at: MemberId): void {
    const isAnswered = this.canReach(w, p.id, at) && this.canReach(w, at, p.id);
    if (isAnswered && !procOf(w, at).isUp) this.#do(w, p, this.reign(w, p).knocked(at, 'refused', p.now));
  }

  #connect(w: World, p: Proc, to: MemberId, generation: number): void {
    const target = procOf(w, to);
    if (!this.canReach(w, p.id, to) || !this.canReach(w, to, p.id)) return;
    if (!target.isUp) {
      this.#do(w, p, this.reign(w, p).ended(generation, 'refused', p.now));
      return;
    }
    if (target.isStopped) return;
    w.connections.push({ member: p.id, conductor: to, generation, up: [], down: [], upLate: 0, downLate: 0 });
    this.#do(w, p, this.reign(w, p).opened(generation, p.now));
  }

  #greet(w: World, p: Proc, generation: number, hello: Omit<Hello, 'brings'>): void {
    const held = Object.keys(p.tickets).filter(ticket => p.tickets[ticket] !== 'waits');
    const brings = [{ pool: poolName, seats: running(p).length + p.freed }];
    p.freed = 0;
    const c = w.connections.find(one => one.member === p.id && one.generation === generation);
    if (c !== undefined) send(c.up, { k: 'hello', hello: { ...hello, brings }, held, waiting: waiting(p) });
  }

  #toConductor(w: World, p: Proc, generation: number, message: FromMember): void {
    const c = w.connections.find(one => one.member === p.id && one.generation === generation);
    if (c !== undefined) send(c.up, { k: 'reign', message });
  }

  #toMember(w: World, p: Proc, to: MemberId, generation: number, message: FromConductor): void {
    const c = w.connections.find(one => one.member === to && one.generation === generation);
    if (c?.conductor === p.id) send(c.down, { k: 'reign', message });
  }

  #hangUp(w: World, p: Proc, generation: number): void {
    const c = w.connections.find(one => one.member === p.id && one.generation === generation);
    if (c !== undefined) send(c.up, { k: 'closed' });
  }

  #dismiss(w: World, p: Proc, member: MemberId, generation: number): void {
    const c = w.connections.find(one => one.member === member && one.generation === generation);
    if (c?.conductor === p.id) send(c.down, { k: 'closed' });
  }

  // ---- the database

  reachesDatabase(w: World, p: Proc): boolean {
    return w.isDatabaseUp && p.hasDatabase;
  }

  #ask(w: World, p: Proc, statement: Statement): void {
    if (statement.do === 'read' && p.asked.some(a => a.statement.do === 'read')) return;
    const asked: Asked = { statement, sentAt: p.now, isDone: false, before: null, row: null, isWritten: false };
    p.asked.push(asked);
    if (!this.setting.isDatabaseAtOnce) return;
    if (!this.reachesDatabase(w, p)) {
      this.giveUpOn(w, p, asked, false);
      return;
    }
    this.execute(w, asked);
    this.answer(w, p, asked);
  }

  execute(w: World, asked: Asked): void {
    asked.isDone = true;
    asked.before = w.row;
    asked.isWritten = this.#write(w, asked.statement);
    asked.row = w.row;
  }

  /** A statement that its sender has given up is executed all the same. */
  executeLate(w: World, statement: Statement): void {
    w.late = w.late.filter(other => other !== statement);
    say(w, () => `a late ${statement.do} is executed`);
    this.#write(w, statement);
  }

  #write(w: World, statement: Statement): boolean {
    const { rules, times } = this.setting;
    if (statement.do === 'read') return false;
    let written: Written | null = null;
    if (statement.do === 'elect') written = afterElection(w.row, statement.election, times.ttlMs, rules);
    else if (statement.do === 'renew') written = afterRenewal(w.row, statement.renewal, rules);
    else written = afterRelease(w.row, statement.released, rules);
    if (written === null) return false;
    w.row = { ...written, ageMs: 0, stamp: String(++w.writes) };
    const row = w.row;
    if (statement.do !== 'renew') say(w, () => `the row: ${shownRow(row)}`);
    if (statement.do === 'elect') this.#countElection(w, row.epoch);
    return true;
  }

  #countElection(w: World, epoch: number): void {
    if (w.epochs.includes(epoch)) fail(w, `epoch ${epoch} is drawn by two elections`);
    w.epochs.push(epoch);
  }

  answer(w: World, p: Proc, asked: Asked): void {
    p.asked = p.asked.filter(other => other !== asked);
    const { statement, before, row, isWritten } = asked;
    const reign = this.reign(w, p);
    if (statement.do === 'read') {
      this.#do(w, p, reign.rowRead(row, asked.sentAt, p.now));
      return;
    }
    if (row === null || before === null) return;
    if (statement.do === 'renew') this.#do(w, p, reign.renewed(statement.ask, { isRenewed: isWritten, row }, p.now));
    if (statement.do === 'elect') {
      const won = isWritten ? { before: before.members, row } : null;
      this.#do(w, p, reign.electionAnswered(statement.ask, won, p.now));
    }
  }

  /** No answer comes; `mayBeLate`: what was not executed yet may be executed at any time. */
  giveUpOn(w: World, p: Proc, asked: Asked, mayBeLate: boolean): void {
    p.asked = p.asked.filter(other => other !== asked);
    const { statement, isDone } = asked;
    if (mayBeLate && !isDone && statement.do !== 'read') w.late.push(statement);
    const reign = this.reign(w, p);
    if (statement.do === 'renew') this.#do(w, p, reign.renewed(statement.ask, null, p.now));
    if (statement.do === 'elect') this.#do(w, p, reign.electionAnswered(statement.ask, null, p.now));
  }
}
