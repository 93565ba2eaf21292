import { isIPv6 } from 'node:net';
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';

const windowMs = 60_000;
const failuresPerWindow = 20;
const addressesAtMost = 10_000;

interface Failures {
  readonly since: number;
  count: number;
}

/** How often an address may fail to sign in; then it has to wait until its minute is over. */
export class FailedSignIns {
  readonly #clock: Clock;
  /** In the order in which their minutes began. */
  readonly #byAddress = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a try as failed until the answer is called, so that tries at the same time are counted too.
   * Throws a 429 where there were too many.
   */
  begin(address: string): () => void {
    const network = networkOf(address);
    const failures = this.#current(network);
    if (failures.count >= failuresPerWindow) {
      const waitSec = Math.ceil((failures.since + windowMs - this.#clock.now()) / 1000);
      throw errors.tenantLimit('Too many failed sign-ins from this address; wait a minute.', Math.max(1, waitSec));
    }
    failures.count++;
    return () => {
      // A minute begins with a failure.
      if (--failures.count === 0 && this.#byAddress.get(network) === failures) this.#byAddress.delete(network);
    };
  }

  #current(network: string): Failures {
    const now = this.#clock.now();
    for (const [other, { since }] of this.#byAddress) {
      if (now - since < windowMs) break;
      this.#byAddress.delete(other);
    }
    const known = this.#byAddress.get(network);
    if (known !== undefined) return known;
    if (this.#byAddress.size >= addressesAtMost) this.#forgetOldest();
    const failures = { since: now, count: 0 };
    this.#byAddress.set(network, failures);
    return failures;
  }

  #forgetOldest(): void {
    const [oldest] = this.#byAddress.keys();
    if (oldest !== undefined) this.#byAddress.delete(oldest);
  }
}

/** Who has one IPv6 address has a whole /64 of them. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('%')[0]?.split('::') ?? [];
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const filled = Math.max(0, 8 - groups(head).length - groups(tail).length);
  return [...groups(head), ...Array<string>(filled).fill('0'), ...groups(tail)].slice(0, 4).join(':');
}
