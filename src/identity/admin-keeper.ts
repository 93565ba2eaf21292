import { isReadOnly } from '../db/word.ts';
import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import { IdentityFault } from './identity-fault.ts';

interface AdminKeeperParts {
  /** Answers a key to be shown, once, if one had to be drawn. Throws IdentityFault. */
  readonly ensure: () => Promise<string | null>;
  readonly show: (key: string) => void;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'warn' | 'error'>;
}

const tryAgainMs = 5_000;

/** Sees to it that the admin of the configuration is stored: at once, or as soon as a read-only database takes it. */
export class AdminKeeper {
  readonly #parts: AdminKeeperParts;
  #isStopped = false;
  #cancel = () => {};

  constructor(parts: AdminKeeperParts) {
    this.#parts = parts;
  }

  /** Throws IdentityFault, or what the database met; a read-only one ends no start. */
  async begin(): Promise<void> {
    const { ensure, show, events } = this.#parts;
    try {
      const key = await ensure();
      if (key !== null) show(key);
    } catch (error) {
      if (!isReadOnly(error)) throw error;
      events.warn(missing);
      this.#later();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #later(): void {
    if (!this.#isStopped) this.#cancel = this.#parts.clock.after(tryAgainMs, () => void this.#again());
  }

  async #again(): Promise<void> {
    const { ensure, show, events } = this.#parts;
    try {
      const key = await ensure();
      if (key !== null) show(key);
      events.info('Identity: the admin of [auth] is stored now');
    } catch (error) {
      if (error instanceof IdentityFault) events.error('Identity: the admin of [auth] cannot be stored', error);
      else this.#later();
    }
  }
}

const missing =
  'Identity: the database is read-only, and the admin of [auth] is not stored in it as it should be: known keys ' +
  'serve, and the admin is stored as soon as the database takes changes';
