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

export class ConductorSide {
  readonly #parts: ConductorParts;
  readonly #links = new Map<string, MemberLink>();

  constructor(parts: ConductorParts) {
    this.#parts = parts;
  }

  /** Its listener keeps one connection of each member, the newest. */
  attend(link: MemberLink): LinkEvents<Upward> {
    const { reign, clock, perform, onEnded } = this.#parts;
    const { id, generation } = link.peer;
    this.#links.set(id, link);
    return {
      said: message => this.#said(link, message),
      ended: why => {
        onEnded(id, why);
        if (this.#links.get(id) === link) this.#links.delete(id);
        perform(reign.linkLost(id, generation, clock.now()));
      },
    };
  }

  perform(action: ConductorAction): void {
    const member = action.do === 'tellMember' ? action.to : action.member;
    const link = this.#links.get(member);
    if (link?.peer.generation !== action.generation) return;
    if (action.do === 'tellMember') {
      link.send(action.message);
      return;
    }
    this.#links.delete(member);
    link.close();
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #said(link: MemberLink, message: Upward): void {
    const { reign, clock, perform, duties } = this.#parts;
    const { id, generation } = link.peer;
    const now = clock.now();
    switch (message.t) {
      case 'hello': {
        const { epoch, beat, isLeaving, member, brings } = message;
        // Who it is was proved by its connection.
        perform(reign.greeted({ epoch, beat, isLeaving, member: { id, ...member }, brings }, generation, now));
        return;
      }
      case 'beat':
      case 'goodbye':
        perform(reign.heard(id, generation, message, now));
        return;
      case 'held':
      case 'waiting':
        duties.said(id, message);
        return;
      default:
        if (reign.counts(id, generation, now)) duties.said(id, message);
    }
  }
}
