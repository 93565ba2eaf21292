import type { Socket } from 'node:net';
import { type buildConnector, Client } from 'undici';
import { atEndOfTurn } from '../domain/end-of-turn.ts';
import { InterimAnswers, withoutInterimAnswers } from './interim-answers.ts';

export interface ConnectionTimeouts {
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** One HTTP/1.1 client, which reconnects by itself, and its socket. */
export interface Connection {
  readonly client: Client;
  readonly interimAnswers: InterimAnswers;
  socket: Socket | null;
  /** Its socket has served a call: the upstream may be about to close it as an idle one. */
  isReused: boolean;
}

/** Holds back what is sent on this connection until the end of the event loop's turn. */
export function holdWrites({ socket }: Connection): void {
  if (socket === null) return;
  socket.cork();
  atEndOfTurn({ release: () => socket.uncork() });
}

/**
 * The connections to one upstream, one for each concurrent call: seats are the limit. A call has a connection of its
 * own and so knows its socket, which undici's Pool would hide: when the upstream closes it, a call whose client left
 * ends. The connection used last is used next, so that the others can become idle.
 */
export class Connections {
  readonly #origin: string;
  readonly #options: Client.Options;
  readonly #connect: buildConnector.connector;
  readonly #idle: Connection[] = [];
  #all: Connection[] = [];
  #isRetired = false;

  /** `connect`: connects to the origin. */
  constructor(origin: string, timeouts: ConnectionTimeouts, connect: buildConnector.connector) {
    this.#origin = origin;
    this.#connect = connect;
    this.#options = {
      headersTimeout: timeouts.firstByteTimeoutMs,
      bodyTimeout: timeouts.idleTimeoutMs,
      pipelining: 1,
      allowH2: false,
    };
  }

  /** Returns a connection for one call. `isNew`: one that has not served before, in the place of an idle one. */
  take(isNew = false): Connection {
    const idle = this.#idle.pop();
    if (isNew && idle !== undefined) this.#drop(idle);
    const connection = isNew || idle === undefined ? this.#open() : idle;
    connection.interimAnswers.expect();
    return connection;
  }

  give(connection: Connection): void {
    connection.isReused = true;
    if (this.#isRetired) this.#drop(connection);
    else this.#idle.push(connection);
  }

  /** Closes each connection as soon as no call uses it. */
  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) this.#drop(connection);
  }

  /** Whether no connection is left: of a retired one, that its last call has ended. */
  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(({ client }) => client.destroy()));
  }

  #drop(connection: Connection): void {
    this.#all = this.#all.filter(other => other !== connection);
    // In vain where it is closed already.
    connection.client.close().catch(() => {});
  }

  #open(): Connection {
    const interimAnswers = new InterimAnswers();
    const client = new Client(this.#origin, {
      ...this.#options,
      connect: (options, callback) =>
        this.#connect(options, (...result) => {
          connection.isReused = false;
          connection.socket = result[0] === null ? withoutInterimAnswers(result[1], interimAnswers) : null;
          callback(...result);
        }),
    });
    const connection: Connection = { client, interimAnswers, socket: null, isReused: false };
    this.#all.push(connection);
    return connection;
  }
}
