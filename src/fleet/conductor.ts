/** The conductor's side of a fleet: the connections that members have opened. A process that does not conduct has them too. */

import type { Clock } from '../domain/clock.ts';
import type { Link, LinkEvents } from './link/link.ts';
import type { Downward, Upward } from './messages/messages.ts';
import type { Action } from './reign/actions.ts';
import type { Reign } from './reign/reign.ts';

export type ConductorAction = Extract<Action, { readonly do: 'tellMember' | 'dismiss' }>;

export interface ConductorParts {
  readonly reign: Reign;
  readonly clock: Clock;
  readonly perform: (actions: readonly Action[]) => void;
  readonly duties: ConductorDuties;
  readonly onEnded: (from: string, why: string) => void;
}

/** The tickets of a member, told with its hello. */
export interface Brought {
  /** Later messages have their numbers. */
  readonly pools: readonly string[];
  readonly held: readonly Told<'held'>[];
  readonly waiting: readonly Told<'waiting'>[];
  readonly answersPings: boolean;
}
type Told<T extends 'held' | 'waiting'> = Extract<Upward, { readonly t: T }>['tickets'][number];

export interface ConductorDuties {
  /** A member is welcome: this takes the place of all that was known of its tickets. */
  came(from: string, brought: Brought): void;
  /** Called with each message of a member about its tickets. */
  said(from: string, message: Upward): void;
  /** A member hears nothing until it comes again. */
  lost(from: string): void;
}

type MemberLink = Link<Upward, Downward>;

/** Before its hello a member says what it holds and what waits; a queue has no more than that. */
const mostTickets = 1_000_000;

interface Attended {
  readonly link: MemberLink;
  isGreeted: boolean;
  isWelcome: boolean;
  /** The tickets that it told before its hello. */
  held: Brought['held'][number][];
  waiting: Brought['waiting'][number][];
}

export class ConductorSide {
  readonly #parts: ConductorParts;
  readonly #links = new Map<string, Attended>();

  constructor(parts: ConductorParts) {
    this.#parts = parts;
  }

  /** Its listener keeps one connection of each member, the newest. */
  attend(link: MemberLink): LinkEvents<Upward> {
    const { reign, clock, perform, onEnded } = this.#parts;
    const { id, generation } = link.peer;
    const attended: Attended = { link, isGreeted: false, isWelcome: false, held: [], waiting: [] };
    this.#forget(id);
    this.#links.set(id, attended);
    return {
      said: message => this.#said(attended, message),
      ended: why => {
        onEnded(id, why);
        if (this.#links.get(id) === attended) this.#forget(id);
        perform(reign.linkLost(id, generation, clock.now()));
      },
    };
  }

  perform(action: ConductorAction): void {
    const member = action.do === 'tellMember' ? action.to : action.member;
    const link = this.#links.get(member)?.link;
    if (link?.peer.generation !== action.generation) return;
    if (action.do === 'tellMember') {
      link.send(action.message);
      return;
    }
    this.#forget(member);
    link.close();
  }

  /** Says something of a ticket, if the member hears it. */
  tell(member: string, message: Downward): void {
    const attended = this.#links.get(member);
    if (attended?.isWelcome === true) attended.link.send(message);
  }

  close(): void {
    for (const { link } of this.#links.values()) link.close();
    this.#links.clear();
  }

  #said(attended: Attended, message: Upward): void {
    const { reign, clock, perform, duties } = this.#parts;
    const { id, generation } = attended.link.peer;
    const now = clock.now();
    switch (message.t) {
      case 'hello':
        if (attended.isGreeted) this.#refuse(attended, 'it has said hello twice');
        else this.#greeted(attended, message);
        return;
      case 'held':
      case 'waiting':
        this.#brought(attended, message);
        return;
      case 'beat':
      case 'goodbye':
        perform(reign.heard(id, generation, message, now));
        return;
      default:
        if (reign.counts(id, generation, now)) duties.said(id, message);
    }
  }

  #greeted(
    attended: Attended,
    { epoch, beat, isLeaving, member, pools, brings, answersPings = false }: Extract<Upward, { t: 'hello' }>,
  ): void {
    const { reign, clock, perform, duties } = this.#parts;
    const { id, generation } = attended.link.peer;
    const { held, waiting } = attended;
    Object.assign(attended, { isGreeted: true, held: [], waiting: [] });
    // Its connection has proved its identity.
    const now = clock.now();
    const actions = reign.greeted({ epoch, beat, isLeaving, member: { id, ...member }, brings }, generation, now);
    attended.isWelcome = reign.counts(id, generation, now);
    // Before any of its seats counts as free.
    if (attended.isWelcome) duties.came(id, { pools, held, waiting, answersPings });
    perform(actions);
  }

  #brought(attended: Attended, message: Extract<Upward, { t: 'held' | 'waiting' }>): void {
    if (attended.isGreeted) {
      this.#refuse(attended, `it says what is ${message.t} after its hello`);
      return;
    }
    if (message.t === 'held') attended.held.push(...message.tickets);
    else attended.waiting.push(...message.tickets);
    if (attended.held.length + attended.waiting.length > mostTickets)
      this.#refuse(attended, 'it has more tickets than a queue holds');
  }

  #forget(id: string): void {
    const wasWelcome = this.#links.get(id)?.isWelcome === true;
    this.#links.delete(id);
    if (wasWelcome) this.#parts.duties.lost(id);
  }

  /** The other end is broken. */
  #refuse({ link }: Attended, why: string): void {
    const { reign, clock, perform, onEnded } = this.#parts;
    const { id, generation } = link.peer;
    onEnded(id, why);
    this.#forget(id);
    link.close();
    perform(reign.linkLost(id, generation, clock.now()));
  }
}
