import type { IncomingMessage } from 'node:http';
import type { Identity } from '../../domain/vocabulary.ts';
import type { Connections } from './connections.ts';
import type { WrongKeys } from './wrong-keys.ts';

interface KeyDoorParts {
  readonly authenticate: (key: string) => Identity | Promise<Identity>;
  readonly wrongKeys: WrongKeys;
  readonly connections: Pick<Connections, 'letIn'>;
}

/** The only way in by key: for model routes, admin routes and signing in. */
export class KeyDoor {
  readonly #parts: KeyDoorParts;

  constructor(parts: KeyDoorParts) {
    this.#parts = parts;
  }

  /**
   * Returns the owner of a key: synchronously for a key in use, as a promise for a new one. 401 or 429 for a wrong key.
   */
  enter(req: IncomingMessage, key: string): Identity | Promise<Identity> {
    try {
      const found = this.#parts.authenticate(key);
      return found instanceof Promise ? this.#found(req, key, found) : this.#letIn(req, found);
    } catch (error) {
      return this.#parts.wrongKeys.refuse(req, key, error);
    }
  }

  /** Admits a request that needs no key or has other credentials. */
  pass(req: IncomingMessage): void {
    this.#parts.connections.letIn(req.socket);
  }

  async #found(req: IncomingMessage, key: string, finding: Promise<Identity>): Promise<Identity> {
    try {
      return this.#letIn(req, await finding);
    } catch (error) {
      return this.#parts.wrongKeys.refuse(req, key, error);
    }
  }

  #letIn(req: IncomingMessage, identity: Identity): Identity {
    this.pass(req);
    return identity;
  }
}
