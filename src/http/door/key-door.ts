import type { IncomingMessage } from 'node:http';
import type { Identity } from '../../domain/vocabulary.ts';
import type { Connections } from './connections.ts';
import type { WrongKeys } from './wrong-keys.ts';

interface KeyDoorParts {
  readonly authenticate: (key: string) => Identity | Promise<Identity>;
  readonly wrongKeys: WrongKeys;
  readonly connections: Pick<Connections, 'letIn'>;
}

/** The one way in by key: of model routes, of admin routes and of signing in. */
export class KeyDoor {
  readonly #parts: KeyDoorParts;

  constructor(parts: KeyDoorParts) {
    this.#parts = parts;
  }

  /** Whose key it is: at once for a key in use, a promise for one not seen before. 401 or 429 if it is no good. */
  enter(req: IncomingMessage, key: string): Identity | Promise<Identity> {
    try {
      const found = this.#parts.authenticate(key);
      return found instanceof Promise ? this.#found(req, key, found) : this.#letIn(req, found);
    } catch (error) {
      return this.#parts.wrongKeys.refuse(req, key, error);
    }
  }

  /** Whoever needs no key to be let in, or has shown something else. */
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
