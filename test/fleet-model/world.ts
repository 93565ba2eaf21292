/**
 * A fleet in a discrete-event world: processes with clocks of their own, the row of a database, connections that queue,
 * break and stand still. All of it is plain data, so that a search can copy and compare it; what happens in it is in laws.ts.
 */
import type { Action, FromConductor, FromMember, Hello } from '../../src/fleet/reign/actions.ts';
import type { Listed, MemberId } from '../../src/fleet/reign/list.ts';
import type { State } from '../../src/fleet/reign/process.ts';
import type { FleetRow } from '../../src/fleet/reign/row.ts';
import type { Rules } from '../../src/fleet/reign/rules.ts';
import type { Times } from '../../src/fleet/reign/times.ts';

/** How a pool deals with tickets; rule 9, which is not the reign's. */
export interface DeskRules {
  /** A seat whose ticket is over comes back. */
  readonly returnsUnused: boolean;
}

export interface Setting {
  readonly seats: number;
  readonly tickMs: number;
  readonly times: Times;
  readonly rules: Rules;
  readonly desk: DeskRules;
  /** Whether an isolated process cuts or keeps its calls. Kept calls are counted separately. */
  readonly isolated: 'cut' | 'keep';
  /** Statements are answered at once; else when the world says so. */
  readonly isDatabaseAtOnce: boolean;
  readonly chance: (w: World) => number;
}

export type Upward =
  | { readonly k: 'hello'; readonly hello: Hello; readonly held: string[]; readonly waiting: string[] }
  | { readonly k: 'reign'; readonly message: FromMember }
  | { readonly k: 'enter' | 'leave' | 'finish'; readonly ticket: string }
  | { readonly k: 'putBack'; readonly ticket: string; readonly as: string }
  | { readonly k: 'closed' };
export type Downward =
  | { readonly k: 'reign'; readonly message: FromConductor }
  | { readonly k: 'seat'; readonly ticket: string }
  | { readonly k: 'closed' };

export interface Connection {
  member: MemberId;
  conductor: MemberId;
  generation: number;
  up: Upward[];
  down: Downward[];
  /** Ticks that the first message of either could have been delivered in. */
  upLate: number;
  downLate: number;
}

export type Statement = Extract<Action, { do: 'read' | 'elect' | 'renew' | 'release' }>;
export interface Asked {
  statement: Statement;
  sentAt: number;
  isDone: boolean;
  before: FleetRow | null;
  row: FleetRow | null;
  isWritten: boolean;
}

export interface Pool {
  /** Ticket → its member. */
  held: Record<string, MemberId>;
  waiting: string[];
}

/** `excepted`: kept by an isolated process, or running in one that is stopped beyond its time. */
export type Ticket = 'waits' | 'runs' | 'excepted';

export interface Proc {
  id: MemberId;
  isUp: boolean;
  isStopped: boolean;
  stoppedUntil: number;
  rate: number;
  now: number;
  state: State;
  tickets: Record<string, Ticket>;
  arrived: number;
  /** Seats that were freed while nobody conducted. */
  freed: number;
  pool: Pool | null;
  asked: Asked[];
  hasDatabase: boolean;
}

export interface World {
  t: number;
  row: FleetRow;
  writes: number;
  backup: FleetRow | null;
  databaseRate: number;
  isDatabaseUp: boolean;
  procs: Proc[];
  connections: Connection[];
  /** `a>b`: nothing of a reaches b. */
  cuts: Record<string, true>;
  /** Statements that nobody waits for any more, and that may still be executed. */
  late: Statement[];
  draws: number;
  epochs: number[];
  granted: number;
  broken: string | null;
  log: string[] | null;
}

export const fullName = (id: MemberId): Listed => ({ id, name: id, url: `tcp://${id}`, version: '1.0.0', since: id });

export const poolName = 'gpu';

export function newWorld(): World {
  return {
    t: 0,
    row: { epoch: 0, holder: null, ageMs: 1e9, stamp: '0', isWhole: true, members: [] },
    writes: 0,
    backup: null,
    databaseRate: 1,
    isDatabaseUp: true,
    procs: [],
    connections: [],
    cuts: {},
    late: [],
    draws: 0,
    epochs: [],
    granted: 0,
    broken: null,
    log: null,
  };
}

/** Calls upstream, but for the stated exceptions. */
export function callsInFlight(w: World): number {
  let count = 0;
  for (const p of w.procs) if (p.isUp) for (const ticket in p.tickets) if (p.tickets[ticket] === 'runs') count++;
  return count;
}

export function procOf(w: World, id: MemberId): Proc {
  const p = w.procs[Number(id.slice(1))];
  if (p === undefined) throw new Error(`no process ${id}`);
  return p;
}

export const running = (p: Proc): string[] => Object.keys(p.tickets).filter(ticket => p.tickets[ticket] === 'runs');
export const waiting = (p: Proc): string[] => Object.keys(p.tickets).filter(ticket => p.tickets[ticket] === 'waits');

export const memberOf = (ticket: string): MemberId => ticket.slice(0, ticket.indexOf('.'));

export function forget(pool: Pool, member: MemberId): void {
  for (const ticket of Object.keys(pool.held)) if (pool.held[ticket] === member) delete pool.held[ticket];
  pool.waiting = pool.waiting.filter(ticket => memberOf(ticket) !== member);
}

export const isBeat = (message: Upward | Downward): boolean => message.k === 'reign' && message.message.t === 'beat';

/** Nothing follows the end; beats do not pile up, as who cannot be written to is not sent any. */
export function send<M extends Upward | Downward>(queue: M[], message: M): void {
  const last = queue.at(-1);
  if (last?.k === 'closed' || (last !== undefined && isBeat(last) && isBeat(message))) return;
  queue.push(message);
}

export function isOpen(w: World, c: Connection): boolean {
  const { contact } = procOf(w, c.member).state;
  return procOf(w, c.member).isUp && contact.generation === c.generation && contact.link === 'open';
}

export function say(w: World, text: () => string | null): void {
  if (w.log === null) return;
  const line = text();
  if (line !== null) w.log.push(`t=${w.t} ${line}`);
}

export function fail(w: World, what: string): void {
  if (w.broken !== null) return;
  w.broken = what;
  say(w, () => `BROKEN: ${what}`);
}

export const shownRow = (row: FleetRow): string =>
  `epoch ${row.epoch} of ${row.holder ?? 'nobody'}, list ${row.members.map(({ id }) => id).join(' ')}`;

export function told(message: Upward | Downward): string {
  if (message.k === 'hello') return `hello, holds [${message.held}], waits for [${message.waiting}]`;
  if (message.k === 'reign') return message.message.t;
  return 'ticket' in message ? `${message.k} ${message.ticket}` : message.k;
}
