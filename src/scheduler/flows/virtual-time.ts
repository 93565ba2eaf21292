/**
 * The time of one fair queue: the counter of the flow whose turn was last, so that no flow that comes back has a
 * smaller counter. A level whose tenants share its weight has a time of its own; levels whose tenants share the pool
 * use one time.
 */

/** Float64 counters are lowered beyond this, long before fractions of a token are lost. */
export const renormaliseAbove = 1e12;

/** The flows of one level, as seen by their time. */
interface Member {
  readonly isIdle: boolean;
  /** All flows with this time are idle: nothing is owed any more. */
  rest(): void;
  /** Lowers all counters by this amount. */
  lower(amount: number): void;
}

export class VirtualTime {
  now = 0;
  /** An upper bound of all counters. */
  highest = 0;
  /** Whether more than one level uses it. */
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

  /** Resets the time if all flows are idle: none owes or is owed anything, and all start with equal counters again. */
  restIfIdle(): boolean {
    for (const member of this.#members) if (!member.isIdle) return false;
    this.now = this.highest;
    for (const member of this.#members) member.rest();
    if (this.now > renormaliseAbove) this.lower();
    return true;
  }

  /** Must be called when a counter exceeds `renormaliseAbove`. */
  lower(): void {
    for (const member of this.#members) member.lower(this.now);
    this.highest -= this.now;
    this.now = 0;
  }
}
