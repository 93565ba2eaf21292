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

export interface ConductorDuties {
  /** What a member says of its tickets; before its hello, what it holds and what waits. */
  said(from: string, message: Upward): void;
}

type MemberLink = Link<Upward, Downward>;

/** Before its hello a member says what it holds and what waits; a queue has no more than that. */
const mostTickets = 1_000_000;

interface Attended {
  readonly link: MemberLink;
  isGreeted: boolean;
  tickets: number;
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
    const attended = { link, isGreeted: false, tickets: 0 };
    this.#links.set(id, attended);
    return {
      said: message => this.#said(attended, message),
      ended: why => {
        onEnded(id, why);
        if (this.#links.get(id) === attended) this.#links.delete(id);
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
    this.#links.delete(member);
    link.close();
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
        attended.tickets += message.tickets.length;
        if (attended.isGreeted) this.#refuse(attended, `it says what is ${message.t} after its hello`);
        else if (attended.tickets > mostTickets) this.#refuse(attended, 'it has more tickets than a queue holds');
        else duties.said(id, message);
        return;
      case 'beat':
      case 'goodbye':
        perform(reign.heard(id, generation, message, now));
        return;
      default:
        if (reign.counts(id, generation, now)) duties.said(id, message);
    }
  }

  #greeted(attended: Attended, { epoch, beat, isLeaving, member, brings }: Extract<Upward, { t: 'hello' }>): void {
    const { reign, clock, perform } = this.#parts;
    const { id, generation } = attended.link.peer;
    attended.isGreeted = true;
    // Who it is was proved by its connection.
    perform(reign.greeted({ epoch, beat, isLeaving, member: { id, ...member }, brings }, generation, clock.now()));
  }

  /** The other end is broken. */
  #refuse({ link }: Attended, why: string): void {
    const { reign, clock, perform, onEnded } = this.#parts;
    const { id, generation } = link.peer;
    onEnded(id, why);
    this.#links.delete(id);
    link.close();
    perform(reign.linkLost(id, generation, clock.now()));
  }
}
