/**
 * Counts what is really in progress upstream whenever a request begins there, and says who had what. Requests of a gateway
 * that may not or cannot end them, because it is isolated or stands still, can be counted apart.
 */
import type { FakeUpstream, Reply, SeenRequest } from './fake-upstream.ts';

export interface Asked {
  /** The gateway. */
  readonly user: string;
  readonly stream: boolean;
  readonly text: string;
}

export const askedOf = ({ body }: SeenRequest): Asked => {
  const { user, stream, messages } = JSON.parse(body.toString());
  return { user, stream, text: messages[0].content };
};

/** In turns of the event loop: after the last of them all is read that the kernel knew when a request began. */
const turnsToRead = 4;

export class SeatOracle {
  readonly #seats: number;
  readonly #active = new Map<SeenRequest, string>();
  readonly #apart = new Set<SeenRequest>();
  #looks = 0;
  /** The most at once, without those counted apart. */
  most = 0;
  /** The most at once of all. */
  mostOfAll = 0;
  /** Who had what whenever there were more than seats. */
  readonly breaches: string[] = [];

  constructor(upstream: FakeUpstream, seats: number, reply: (asked: Asked) => Reply) {
    this.#seats = seats;
    upstream.reply(seen => {
      const asked = askedOf(seen);
      this.#began(seen, asked.user);
      return reply(asked);
    });
  }

  /** From now on what that gateway has in progress is counted apart. */
  setApart(gateway: string): number {
    this.#forgetEnded();
    for (const [seen, user] of this.#active) if (user === gateway) this.#apart.add(seen);
    return this.activeOf(gateway);
  }

  activeOf(...gateways: readonly string[]): number {
    this.#forgetEnded();
    return [...this.#active.values()].filter(user => gateways.includes(user)).length;
  }

  /** All that began has been counted. */
  async settled(): Promise<void> {
    while (this.#looks > 0) await new Promise(resolve => setImmediate(resolve));
  }

  #began(seen: SeenRequest, user: string): void {
    this.#forgetEnded();
    this.#active.set(seen, user);
    const present = [...this.#active];
    void this.#look(present, present.filter(([one]) => !this.#apart.has(one)).length);
  }

  async #look(present: readonly [SeenRequest, string][], strict: number): Promise<void> {
    this.#looks++;
    const apart = new Set(this.#apart);
    for (let turn = 0; turn < turnsToRead; turn++) await new Promise(resolve => setImmediate(resolve));
    this.#looks--;
    // Left before this one began, although it was read later.
    const left = present.filter(([seen]) => seen.ended === 'left');
    this.most = Math.max(this.most, strict - left.filter(([seen]) => !apart.has(seen)).length);
    this.mostOfAll = Math.max(this.mostOfAll, present.length - left.length);
    if (strict - left.length > this.#seats) this.breaches.push(told(present.filter(one => !left.includes(one))));
  }

  #forgetEnded(): void {
    for (const seen of this.#active.keys()) if (seen.ended !== null) this.#active.delete(seen);
    for (const seen of this.#apart) if (seen.ended !== null) this.#apart.delete(seen);
  }
}

const told = (present: readonly [SeenRequest, string][]): string =>
  present.map(([seen, user]) => `${user}: ${askedOf(seen).text}`).join(', ');
