/**
 * The seats of a fleet's pools in this process, which conducts them or follows who does. fleet/fleet.ts tells what it is
 * now; what is granted here stays within what fleet/reign/ allows at that moment.
 */
import type { Clock } from '../../domain/clock.ts';
import type { EndpointSeats } from '../../domain/endpoint.ts';
import type { Brought } from '../../fleet/conductor.ts';
import type { Fleet, FleetDuties } from '../../fleet/fleet.ts';
import type { TicketWord } from '../../fleet/member.ts';
import type { Upward } from '../../fleet/messages/messages.ts';
import type { Outlook } from '../../fleet/outlook.ts';
import type { Seats } from '../../fleet/reign/actions.ts';
import type { Guest } from '../pool/guest.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import { Attendance } from './attendance.ts';
import { ClosureNews } from './closure-news.ts';
import { FleetDesk } from './fleet-desk.ts';
import { self } from './fleet-endpoints.ts';
import type { FleetOfPools, FleetPools } from './fleet-pools.ts';
import type { QueueBounds } from './own-queue.ts';
import { OwnTickets } from './own-tickets.ts';
import { SharedEndpoints } from './shared-endpoints.ts';

export interface FleetSeatsParts {
  readonly clock: Clock;
  readonly random?: () => number;
  /** Ends what runs here, when this gateway is isolated; null: it is kept. */
  readonly cut: (() => void) | null;
  readonly log: { readonly info: (sentence: string) => void; readonly warn: (sentence: string) => void };
}

/** The fleet, as far as seats need it. */
export interface Joined extends Pick<Fleet, 'say' | 'tell' | 'seatedTooLate' | 'outlook' | 'rttMs' | 'greetAgain'> {
  readonly reign: Pick<Fleet['reign'], 'mayGrant' | 'mayStart' | 'budget'>;
}

/** As if this process conducted for ever, with no member. */
const byItself: Joined = {
  say: () => false,
  tell: () => {},
  seatedTooLate: () => {},
  outlook: () => ({ who: 'self', heard: [], unheard: [], reigns: true }),
  rttMs: null,
  greetAgain: () => {},
  reign: { mayGrant: () => true, mayStart: () => true, budget: () => null },
};

export class FleetSeats implements FleetDuties {
  readonly #parts: FleetSeatsParts;
  readonly #random: () => number;
  readonly #tickets: OwnTickets;
  readonly #desks = new Map<string, FleetDesk>();
  readonly #members = new Map<string, Attendance>();
  #fleet: Joined | null = null;
  #pools: Pick<FleetPools, 'said' | 'told'> | null = null;
  #id = '';
  /** The most seats that are granted of each pool; null: all it has. */
  readonly #budgets = new Map<string, number | null>();
  readonly #closures: ClosureNews;
  readonly #endpoints: SharedEndpoints;
  /** A grant was forbidden since the last look. */
  #wasForbidden = false;

  constructor(parts: FleetSeatsParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#tickets = new OwnTickets(parts.clock);
    this.#closures = new ClosureNews(parts.clock);
    const say = (message: Upward) => this.#tickets.say(message);
    this.#endpoints = new SharedEndpoints({ clock: parts.clock, members: this.#members, say });
  }

  /** The desk of the dispatcher of that pool. */
  deskOf(name: string, pool: PoolDesk, bounds: QueueBounds): FleetDesk {
    const { clock } = this.#parts;
    const onUpstreamWord = () => this.#closures.tell(this.#desks.values(), this.#members);
    const onBegun = ({ asked, stay }: Guest) => {
      if (stay?.endpoint) this.#endpoints.tries(self, pool, asked.provider, stay.endpoint);
    };
    const number = this.#desks.size;
    const own = { tickets: this.#tickets, clock, random: this.#random };
    const endpointsOf = (provider: string) => this.#endpoints.seenUp(pool, provider);
    const parts = { name, number, pool, ...own, endpointsOf, onUpstreamWord, onBegun };
    this.#endpoints.add(pool);
    const desk = new FleetDesk(parts, bounds);
    this.#desks.set(name, desk);
    return desk;
  }

  /** A pool was added while it runs: its number is told to who conducts, and members may have told of it already. */
  poolAdded(name: string): void {
    const fleet = this.#fleet;
    if (fleet === null) return;
    if (fleet.outlook().who === 'self') this.#desks.get(name)?.conduct();
    for (const member of this.#members.values()) member.findPools();
    fleet.greetAgain();
    this.changed();
  }

  configure(pool: string, bounds: QueueBounds): void {
    this.#desks.get(pool)?.configure(bounds);
  }

  /** All endpoints of a provider, as this gateway sees them; called at once and after each change. */
  setEndpoints(pool: string, provider: string, endpoints: readonly EndpointSeats[]): void {
    const desk = this.#desks.get(pool)?.pool;
    if (desk !== undefined) this.#endpoints.set(desk, provider, endpoints);
  }

  /** Nobody can share the seats: they are this process's own until it has joined a fleet. */
  alone(): void {
    this.#fleet = byItself;
    this.#endpoints.conduct();
    for (const desk of this.#desks.values()) desk.conduct();
    this.changed();
  }

  joined(fleet: Joined, id: string): void {
    const { clock } = this.#parts;
    if (this.#fleet === byItself) {
      this.#endpoints.abdicate();
      for (const desk of this.#desks.values()) desk.abdicate();
    }
    this.#fleet = fleet;
    this.#id = id;
    this.#tickets.joined({
      say: message => fleet.say(message),
      mayStart: () => fleet.reign.mayStart(clock.now()),
      seatedTooLate: () => fleet.seatedTooLate(),
    });
    this.changed();
  }

  /** Answers the questions of who looks on elsewhere. */
  shownBy(pools: Pick<FleetPools, 'said' | 'told'>): void {
    this.#pools = pools;
  }

  /** The fleet, for whoever looks on here. */
  get seenFleet(): FleetOfPools {
    return {
      outlook: () => this.#seenOutlook(),
      say: message => this.#fleet?.say(message) ?? false,
      tell: (member, message) => this.#fleet?.tell(member, message),
    };
  }

  /** See `Fleet.rttMs`. */
  get rttMs(): number | null {
    return this.#fleet?.rttMs ?? null;
  }

  /** Asked before every grant of a pool of this process. */
  mayGrant(now: number): boolean {
    const may = this.#fleet?.reign.mayGrant(this.#id, now) === true;
    this.#wasForbidden ||= !may;
    return may;
  }

  /** Seats that each member's requests hold, as far as they are known here. */
  seatsOf(member: string): number | null {
    if (member !== this.#id) return this.#members.get(member)?.seats ?? null;
    return [...this.#desks.values()].reduce((sum, { seats }) => sum + seats, 0);
  }

  // ---- duties of every process

  pools(): readonly string[] {
    return [...this.#desks.keys()];
  }

  brings(): readonly Seats[] {
    const all = [...this.#desks.values()].map(desk => ({ pool: desk.name, seats: desk.brings() }));
    return all.filter(({ seats }) => seats > 0);
  }

  *tickets(): Iterable<Upward> {
    for (const desk of this.#desks.values()) yield* desk.words();
  }

  endpoints(): Iterable<Upward> {
    return this.#endpoints.words();
  }

  told(message: TicketWord): void {
    if (message.t === 'ask' || message.t === 'answer') this.#pools?.told(message);
    else if (message.t === 'closures') [...this.#desks.values()][message.pool]?.hearClosures(message);
    else if (message.t === 'seat' || message.t === 'refuse') this.#tickets.heard(message);
  }

  isolate(): void {
    const { cut, log } = this.#parts;
    log.warn(`no gateway of the fleet answers: nothing is started${cut === null ? '' : ', and what runs is ended'}`);
    for (const desk of this.#desks.values()) desk.isolate();
    cut?.();
  }

  // ---- duties of who conducts

  conduct(epoch: number): void {
    this.#parts.log.info(`this gateway grants the seats of the fleet (epoch ${epoch})`);
    this.#forgetMembers();
    this.#closures.forget();
    this.#endpoints.conduct();
    for (const desk of this.#desks.values()) {
      this.#budgets.set(desk.name, 0);
      desk.conduct();
    }
  }

  abdicate(why: string): void {
    this.#parts.log.info(`this gateway grants the seats of the fleet no more: ${why}`);
    this.#forgetMembers();
    this.#endpoints.abdicate();
    for (const desk of this.#desks.values()) {
      this.#budgets.set(desk.name, 0);
      desk.abdicate();
    }
  }

  came(from: string, brought: Brought): void {
    this.#holdBackAll();
    const attendance = this.#attendance(from, brought.pools);
    attendance.came(brought);
    this.#closures.tellAll(this.#desks.values(), attendance);
  }

  said(from: string, message: Upward): void {
    if (message.t === 'ask' || message.t === 'answer') {
      this.#pools?.said(from, message);
      return;
    }
    this.#members.get(from)?.said(message);
    if (message.t === 'endpoints') this.#endpoints.heard(from, message);
    if (message.t === 'busy' || message.t === 'answered') this.#closures.tell(this.#desks.values(), this.#members);
  }

  lost(from: string): void {
    this.#members.get(from)?.withdraw();
  }

  free(member: string, why: string): void {
    const attendance = this.#members.get(member);
    const seats = attendance?.seats ?? 0;
    if (seats > 0) this.#parts.log.info(`${seats} seats of member ${member} are free: ${why}`);
    this.#members.delete(member);
    attendance?.forget();
    this.#endpoints.forget(member);
  }

  changed(): void {
    const fleet = this.#fleet;
    if (fleet === null) return;
    const now = this.#parts.clock.now();
    const mayGrant = fleet.reign.mayGrant(this.#id, now);
    if (mayGrant) for (const [id, member] of this.#members) member.admit(fleet.reign.mayGrant(id, now));
    const isAsked = mayGrant && this.#wasForbidden;
    if (mayGrant) this.#wasForbidden = false;
    for (const { name, pool } of this.#desks.values()) {
      const budget = mayGrant ? fleet.reign.budget(name) : 0;
      if (!isAsked && this.#budgets.get(name) === budget) continue;
      this.#budgets.set(name, budget);
      pool.holdBack(budget);
    }
  }

  #attendance(member: string, pools: readonly string[]): Attendance {
    const known = this.#members.get(member);
    if (known !== undefined) return known;
    const unknown = pools.filter(pool => !this.#desks.has(pool));
    if (unknown.length > 0) {
      this.#parts.log.warn(
        `member ${member} has pools that this gateway does not have (${unknown.slice(0, 10).join(', ')}): its requests ` +
          'for them are refused; give all gateways of a fleet the same providers',
      );
    }
    const outlook = this.#fleet?.outlook();
    const heard = outlook?.who === 'self' ? outlook.heard : [];
    const attendance = new Attendance({
      name: heard.find(({ id }) => id === member)?.name ?? member,
      tell: message => this.#fleet?.tell(member, message),
      deskOf: pool => this.#desks.get(pool)?.pool ?? null,
      clock: this.#parts.clock,
      random: this.#random,
      onAwaited: at => this.#askMembers(at),
      onOverdue: askedAt => this.#passBySilent(askedAt),
      unreached: (desk, provider) => this.#endpoints.unreached(member, desk, provider),
      tries: (desk, provider, endpoint) => this.#endpoints.tries(member, desk, provider, endpoint),
    });
    this.#members.set(member, attendance);
    return attendance;
  }

  /** All at once: of those that stand still with one machine, none has to be waited for after the others. */
  #askMembers(at: number): void {
    for (const member of this.#members.values()) member.ask(at);
  }

  /** No seat is granted to any of them while the requests of the first go outside. */
  #passBySilent(askedAt: number): void {
    const silent = [...this.#members].filter(([, member]) => member.fallSilent(askedAt));
    for (const [id, member] of silent) {
      this.#parts.log.warn(`member ${id} does not answer: its requests are passed by until it does`);
      member.letInOrOut();
    }
  }

  /** What waits of those that are silent is not shown. */
  #seenOutlook(): Outlook | null {
    const outlook = this.#fleet?.outlook() ?? null;
    if (outlook?.who !== 'self') return outlook;
    const isSilent = ({ id }: { readonly id: string }) => this.#members.get(id)?.isSilent === true;
    const unheard = [...outlook.unheard, ...outlook.heard.filter(isSilent)];
    return { ...outlook, heard: outlook.heard.filter(member => !isSilent(member)), unheard };
  }

  #forgetMembers(): void {
    for (const member of this.#members.values()) member.close();
    this.#members.clear();
  }

  #holdBackAll(): void {
    for (const { name, pool } of this.#desks.values()) {
      this.#budgets.set(name, 0);
      pool.holdBack(0);
    }
  }
}
