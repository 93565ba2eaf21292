/**
 * One process of a fleet: feeds its reign with what the clock, the row, the connections and the addresses of others tell,
 * and carries out what it answers. What a seat is, is its owner's business (`FleetDuties`).
 */
import type { Clock } from '../domain/clock.ts';
import { type ConductorDuties, ConductorSide } from './conductor.ts';
import type { FleetStore } from './fleet-store.ts';
import { knock } from './link/call.ts';
import { speaks } from './link/handshake.ts';
import { type Listener, listen } from './link/listener.ts';
import type { Certificate, Own } from './link/own.ts';
import { type MemberDuties, MemberSide } from './member.ts';
import { type Downward, readUpward, type Upward } from './messages/messages.ts';
import { type Outlook, outlookOf } from './outlook.ts';
import type { Action } from './reign/actions.ts';
import type { Listed } from './reign/list.ts';
import { Reign, type Role } from './reign/reign.ts';
import { type ConfiguredTimes, timesOf } from './reign/times.ts';
import { type Statement, Statements } from './statements.ts';

export interface FleetOptions {
  readonly fleet: string;
  readonly member: Omit<Listed, 'url'>;
  readonly times: ConfiguredTimes;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Where others reach it, if elsewhere. */
  readonly advertise: { readonly host: string; readonly port: number | null } | null;
  readonly certificate: Certificate | null;
  /** See `ownPlace`. */
  readonly place: string | null;
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly duties: FleetDuties;
  readonly log: { readonly warn: (sentence: string) => void };
}

export interface FleetDuties extends MemberDuties, ConductorDuties {
  /** Conducts from here on, and may grant once `Fleet.reign` says so. */
  conduct(epoch: number): void;
  abdicate(why: string): void;
  /** A member's seats and places are free. */
  free(member: string, why: string): void;
  /** Nothing starts until a conductor has answered. */
  isolate(): void;
  /** Whatever else it was told is done: what may be granted may have changed. */
  changed(): void;
}

const turnEveryMs = 500;
/** Of a random number of three bytes; a fleet has elections enough for 2^28 of them. */
const chanceBytes = 3;

const bounds = {
  mostFrameBytes: 2 ** 20,
  /** A hello of 250,000 tickets. */
  mostUnwrittenBytes: 64 * 2 ** 20,
  mostUnproved: 64,
  mostLinks: 256,
};

export class Fleet {
  readonly reign: Reign;
  readonly #clock: Clock;
  readonly #duties: FleetDuties;
  readonly #own: Own;
  readonly #member: MemberSide;
  readonly #conductor: ConductorSide;
  readonly #statements: Statements;
  readonly #knocks = new Map<string, Promise<void>>();
  readonly #leave = new AbortController();
  readonly #entered = Promise.withResolvers<void>();
  readonly #departed = Promise.withResolvers<void>();
  readonly #listener: Listener;
  #cancelTurn = () => {};

  /** Listens first: its address is what the others know it by. */
  static async join(options: FleetOptions): Promise<Fleet> {
    let fleet: Fleet | null = null;
    const { clock, random, certificate, place, store } = options;
    const own: Own = {
      fleet: options.fleet,
      id: options.member.id,
      speaks,
      place,
      certificate,
      clock,
      random,
      secret: () => store.secret,
      epoch: () => fleet?.reign.state.epoch ?? 0,
    };
    const listener = await listen<Upward, Downward>({
      own,
      host: options.host,
      port: options.port,
      advertise: options.advertise,
      read: readUpward,
      bounds,
      warn: options.log.warn,
      attend: link => {
        if (fleet === null) throw new Error('a member came before the listener was open');
        return fleet.#conductor.attend(link);
      },
    });
    fleet = new Fleet(options, own, listener);
    fleet.#turn();
    return fleet;
  }

  private constructor(
    { member, times, store, random, clock, duties, log }: FleetOptions,
    own: Own,
    listener: Listener,
  ) {
    const self = { ...member, url: listener.url };
    const chance = () => 1 + Buffer.from(random(chanceBytes)).readUIntBE(0, chanceBytes);
    const reign = new Reign({ self, times: timesOf(times), chance });
    const perform = (actions: readonly Action[]) => this.#perform(actions);
    const warn = (sentence: string) => log.warn(`Fleet ${own.fleet}: ${sentence}`);
    this.reign = reign;
    this.#clock = clock;
    this.#duties = duties;
    this.#own = own;
    this.#listener = listener;
    const onCall = (to: string, why: string) => warn(`the connection to ${to} ended: ${why}`);
    const onLink = (from: string, why: string) => warn(`the connection of member ${from} ended: ${why}`);
    this.#member = new MemberSide({ own, reign, bounds, perform, duties, onEnded: onCall });
    this.#conductor = new ConductorSide({ reign, clock, perform, duties, onEnded: onLink });
    const onFailure = (what: Statement['do'], error: unknown) => warn(`cannot ${what} the row: ${String(error)}`);
    this.#statements = new Statements({ store, reign, clock, perform, onFailure });
  }

  /** Where others reach this process. */
  get url(): string {
    return this.#listener.url;
  }

  /** Resolves once this process has a place in the fleet: it conducts, or is a member of who does. */
  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  role(): Role {
    return this.reign.role(this.#clock.now());
  }

  /** The time there and back between this member and its conductor; null: it has none, or no answer yet. */
  get rttMs(): number | null {
    return this.#member.rttMs;
  }

  outlook(): Outlook {
    return outlookOf(this.reign, this.#clock.now());
  }

  /** Says something of a ticket to the conductor; false: nobody hears it before the next hello, which tells of all tickets. */
  say(message: Upward): boolean {
    return this.#member.say(message);
  }

  /** This process has other pools than it has told its conductor of. */
  greetAgain(): void {
    this.#member.greetAgain();
  }

  /** Says something of a ticket to a member, as long as it hears. */
  tell(member: string, message: Downward): void {
    this.#conductor.tell(member, message);
  }

  /** A seat came that may not be used; see `Reign.seatedTooLate`. */
  seatedTooLate(): void {
    this.#perform(this.reign.seatedTooLate(this.#clock.now()));
  }

  /** The row was changed by somebody: a member that has its conductor need not know. */
  rowChanged(): void {
    if (this.reign.state.conducted === null && this.reign.state.contact.link !== 'open')
      this.#statements.ask({ do: 'read' });
  }

  /** Leaves the fleet; resolves once nobody counts on this process any more. May be told again, when it has become idle. */
  leave(isIdle: boolean): Promise<void> {
    this.#perform(this.reign.leave(isIdle, this.#clock.now()));
    // A conductor hands over at its turn.
    this.#perform(this.reign.tick(this.#clock.now()));
    return this.#departed.promise;
  }

  /** Stops where it stands; its listener is the last to close. */
  async stop(): Promise<void> {
    this.#leave.abort();
    this.#cancelTurn();
    this.#member.close();
    this.#conductor.close();
    await Promise.all([this.#statements.stop(), ...this.#knocks.values()]);
    await this.#listener.close();
  }

  #turn(): void {
    this.#cancelTurn = this.#clock.after(turnEveryMs, () => this.#turn());
    this.#perform(this.reign.tick(this.#clock.now()));
  }

  #perform(actions: readonly Action[]): void {
    for (const action of actions) if (!this.#leave.signal.aborted) this.#act(action);
    if (this.role() !== 'isolated') this.#entered.resolve();
    this.#duties.changed();
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'read':
      case 'elect':
      case 'renew':
      case 'release':
        this.#statements.ask(action);
        return;
      case 'connect':
      case 'hangUp':
      case 'greet':
      case 'tellConductor':
        this.#member.perform(action);
        return;
      case 'tellMember':
      case 'dismiss':
        this.#conductor.perform(action);
        return;
      case 'knock':
        this.#knock(action.at);
        return;
      default:
        this.#tell(action);
    }
  }

  /** Tells the duties about seats. */
  #tell(action: Extract<Action, { readonly do: 'conduct' | 'abdicate' | 'free' | 'isolate' | 'depart' }>): void {
    switch (action.do) {
      case 'conduct':
        this.#duties.conduct(action.epoch);
        this.reign.bring(this.#duties.brings());
        return;
      case 'abdicate':
        this.#duties.abdicate(action.why);
        return;
      case 'free':
        this.#duties.free(action.member, action.why);
        return;
      case 'isolate':
        this.#duties.isolate();
        return;
      case 'depart':
        this.#departed.resolve();
    }
  }

  /** One at a time of each process. */
  #knock(at: Listed): void {
    if (this.#knocks.has(at.id)) return;
    const knocking = knock(this.#own, at, this.#leave.signal).then(how => {
      this.#knocks.delete(at.id);
      this.#perform(this.reign.knocked(at.id, how, this.#clock.now()));
    });
    this.#knocks.set(at.id, knocking);
  }
}
