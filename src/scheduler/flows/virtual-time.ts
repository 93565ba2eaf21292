/**
 * The time of one fair queue: the counter of the flow whose turn was last, so that no flow that comes back has
 * less on its counter. A level whose tenants share its weight has a time of its own; levels whose tenants share
 * the pool go by one time.
 */

/** Float64 counters are lowered beyond this, long before fractions of a token are lost. */
export const renormaliseAbove = 1e12;

/** The flows of one level, as their time sees them. */
interface Member {
  readonly isIdle: boolean;
  /** All that go by this time are idle: nothing is owed any more. */
  rest(): void;
  /** All counters become so much less. */
  lower(amount: number): void;
}

export class VirtualTime {
  now = 0;
  /** No counter is above it. */
  highest = 0;
  /** Whether it goes for more than one level. */
  readonly isShared: boolean;
  readonly #members: Member[] = [];

  constructor(isShared: boolean) {
    this.isShared = isShared;
  }

  join(member: Member): void {
    this.#members.push(member);
  }

  leave(member: Member): void {
    this.#members.splice(this.#members.indexOf(member), 1);
  }

  /** Those with nothing to do owe nothing and are owed nothing: time passes all of them, they start level again. */
  restIfIdle(): boolean {
    for (const member of this.#members) if (!member.isIdle) return false;
    this.now = this.highest;
    for (const member of this.#members) member.rest();
    if (this.now > renormaliseAbove) this.lower();
    return true;
  }

  /** To be called beyond `renormaliseAbove`. */
  lower(): void {
    for (const member of this.#members) member.lower(this.now);
    this.highest -= this.now;
    this.now = 0;
  }
}
