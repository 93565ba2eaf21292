/** The member's side of a fleet: its one connection to whoever conducts, or may know who does. */

import { SaidOnce } from '../domain/structures/said-once.ts';
import { Call } from './link/call.ts';
import type { LinkBounds } from './link/link.ts';
import type { Own } from './link/own.ts';
import { type Downward, readDownward, type Upward } from './messages/messages.ts';
import type { Action, Seats } from './reign/actions.ts';
import type { Reign } from './reign/reign.ts';

export type MemberAction = Extract<Action, { readonly do: 'connect' | 'hangUp' | 'greet' | 'tellConductor' }>;

export interface MemberParts {
  readonly own: Own;
  readonly reign: Reign;
  readonly bounds: LinkBounds;
  readonly perform: (actions: readonly Action[]) => void;
  readonly duties: MemberDuties;
  /** The connection could not be opened, or it ended, for another reason than the last time. */
  readonly onEnded: (to: string, why: string) => void;
}

/** A message of the conductor about a ticket. */
export type TicketWord = Exclude<Downward, { readonly t: 'welcome' | 'beat' | 'list' | 'elsewhere' | 'ping' }>;

export interface MemberDuties {
  /** Names of the pools; later messages have their numbers. */
  pools(): readonly string[];
  /** Seats that are held, and those that were freed while nobody conducted: told once. */
  brings(): readonly Seats[];
  /** The waiting and running tickets, told before the hello. */
  tickets(): Iterable<Upward>;
  /** The endpoints that it sees, told after the hello. */
  endpoints(): Iterable<Upward>;
  /** Called with each message of the conductor about tickets. */
  told(message: TicketWord): void;
}

interface Calling {
  readonly generation: number;
  readonly call: Call<Downward, Upward>;
  isGreeted: boolean;
  rttMs: number | null;
}

export class MemberSide {
  readonly #parts: MemberParts;
  readonly #said = new SaidOnce<'ended'>();
  #call: Calling | null = null;

  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  /** From its last beat that the conductor has answered to that answer; null: there is none on this connection. */
  get rttMs(): number | null {
    return this.#call?.rttMs ?? null;
  }

  perform(action: MemberAction): void {
    if (action.do === 'connect') {
      this.#connect(action);
      return;
    }
    const current = this.#call;
    if (current?.generation !== action.generation) return;
    const { call } = current;
    switch (action.do) {
      case 'hangUp':
        this.#call = null;
        call.close();
        return;
      case 'greet':
        this.#greet(call, action);
        current.isGreeted = true;
        return;
      case 'tellConductor':
        call.send(action.message);
    }
  }

  /** Says something of a ticket; false: nobody hears it before the next hello. */
  say(message: Upward): boolean {
    if (this.#call?.isGreeted !== true) return false;
    this.#call.call.send(message);
    return true;
  }

  /** Connects anew, as only a hello tells which pools there are. */
  greetAgain(): void {
    const current = this.#call;
    if (current?.isGreeted !== true) return;
    this.close();
    const { perform, reign, own } = this.#parts;
    perform(reign.ended(current.generation, 'lost', own.clock.now()));
  }

  close(): void {
    this.#call?.call.close();
    this.#call = null;
  }

  #greet(call: Call<Downward, Upward>, { hello }: Extract<Action, { readonly do: 'greet' }>): void {
    const { duties } = this.#parts;
    const { epoch, beat, isLeaving } = hello;
    const { id: _, ...member } = hello.member;
    for (const message of duties.tickets()) call.send(message);
    const pools = [...duties.pools()];
    const brings = [...duties.brings()];
    call.send({ t: 'hello', epoch, beat, member, isLeaving, pools, brings, answersPings: true });
    for (const message of duties.endpoints()) call.send(message);
  }

  #connect({ to, generation }: Extract<Action, { readonly do: 'connect' }>): void {
    const { own, reign, bounds, perform, onEnded } = this.#parts;
    this.close();
    const { clock } = own;
    const events = {
      opened: () => {
        this.#said.isOver('ended');
        perform(reign.opened(generation, clock.now()));
      },
      said: (message: Downward) => this.#heard(generation, message),
      ended: (how: Parameters<Reign['ended']>[1], why: string) => {
        if (this.#said.isNews('ended', `${to.url} ${why}`)) onEnded(to.url, why);
        if (this.#call?.generation === generation) this.#call = null;
        perform(reign.ended(generation, how, clock.now()));
      },
    };
    const call = new Call<Downward, Upward>({ own, to, generation, read: readDownward, bounds, events });
    this.#call = { generation, call, isGreeted: false, rttMs: null };
  }

  #heard(generation: number, message: Downward): void {
    const { own, reign, perform, duties } = this.#parts;
    if (this.#call?.generation !== generation) return;
    // What a conductor gives back may be anything.
    if (message.t === 'beat') this.#call.rttMs = Math.max(own.clock.now() - message.answers, 0);
    switch (message.t) {
      case 'welcome':
      case 'beat':
      case 'list':
      case 'elsewhere':
        perform(reign.told(generation, message, own.clock.now()));
        return;
      case 'ping':
        this.#call.call.send({ t: 'pong' });
        return;
      default:
        duties.told(message);
    }
  }
}
