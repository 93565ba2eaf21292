import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../domain/clock.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { Events } from '../../telemetry/events.ts';
import { type ClientAddresses, networkOf, peerAddress } from './client-address.ts';

/*
 * All open connections, and the order in which they yield when a newcomer finds all places taken. First those
 * that never sent a whole head, the oldest first, except the newest few, whose heads are on their way; then those
 * that never sent a request with a valid key, by their last head; then idle ones, the longest idle first; and
 * the newest few last:
 *
 *   headless ──head──▶ unproven ──key is good──▶ (a request is under way) ◀──head / answered──▶ idle
 *
 * A connection with an admitted request in progress does not yield. If all have one, the newcomer gets one of a
 * few spare places: there a probe is served and anything else is answered 503, until a place is free. Of these
 * connections the oldest is closed for a new one.
 */
type Standing = 'headless' | 'unproven' | 'idle';
type Limit = 'all' | 'address';

interface ConnectionsParts {
  /** The limit at present; it changes with the seats, which need files of their own. */
  readonly most: () => number;
  readonly mostPerAddress: number;
  readonly addresses: ClientAddresses;
  readonly clock: Clock;
  readonly events: Pick<Events, 'connectionsFull'>;
}

export interface ConnectionStats {
  readonly open: number;
  /** The number of client addresses; IPv6 by network. */
  readonly addresses: number;
  readonly most: number;
  /** Counts by the limit that was reached. */
  readonly yielded: Readonly<Record<Limit, number>>;
  readonly refused: Readonly<Record<Limit, number>>;
}

/** The most connections open beyond the limit. */
export const sparePlaces = 32;
const tellEveryMs = 60_000;

/**
 * One place of this many is kept for newcomers. A head takes a moment to arrive; if newcomers were always the first to
 * yield, concurrent ones would close each other's connections while idle ones keep their places.
 */
const onePlaceFor = 8;

/** The places of all clients, or of one address. */
class Places {
  readonly name: string;
  readonly most: number;
  taken = 0;
  headlessCount = 0;
  readonly headless = new Ring<Connection>();
  readonly unproven = new Ring<Connection>();
  readonly idle = new Ring<Connection>();

  constructor(name: string, most: number) {
    this.name = name;
    this.most = most;
  }

  firstToYield(most: number): Connection | null {
    if (this.headlessCount > Math.floor(most / onePlaceFor)) return this.headless.first;
    return this.unproven.first ?? this.idle.first ?? this.headless.first;
  }
}

class Connection {
  readonly socket: Socket;
  /** The places of its address, while it has one of them. */
  address: Places;
  readonly amongOpen = new Ring<Connection>(this);
  readonly amongAll = new Ring<Connection>(this);
  readonly amongOwn = new Ring<Connection>(this);
  standing: Standing | null = null;
  /** A request was admitted on it. */
  isProven = false;
  underWay = 0;
  /** The last of the answers that it still has to send. */
  lastAnswer: ServerResponse | null = null;
  /** The limit for which it has only a spare place. */
  refusedBy: Limit | null = null;
  /** One callback for all answers of the connection. */
  readonly onAnswered: () => void;

  constructor(socket: Socket, address: Places, answered: (connection: Connection) => void) {
    this.socket = socket;
    this.address = address;
    this.onAnswered = () => answered(this);
  }
}

/** Node writes `Connection: close` into a head that is not yet written. A client that pipelined gets both answers. */
function endAfter(answer: ServerResponse, before: ServerResponse | null): void {
  if (before !== null) before.shouldKeepAlive = true;
  answer.shouldKeepAlive = false;
}

export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #all = new Places('all', Number.POSITIVE_INFINITY);
  readonly #byAddress = new Map<string, Places>();
  /** Weak, since a Map would leave tables behind that keep the sockets of past connections (domain/structures/ring.ts). */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #open = new Ring<Connection>();
  #openCount = 0;
  readonly #spare = new Ring<Connection>();
  #spareTaken = 0;
  readonly #yielded = { all: 0, address: 0 };
  readonly #refused = { all: 0, address: 0 };
  #isEnding = false;
  readonly #toldAt = { all: Number.NEGATIVE_INFINITY, address: Number.NEGATIVE_INFINITY };

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  watch(server: Server): void {
    server.on('connection', socket => this.#opened(socket));
  }

  /** Called when a whole head has come. `gone`: the connection has been ended, and no answer can be delivered. */
  begin(socket: Socket, res: ServerResponse): 'placed' | 'spare' | 'gone' {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return 'gone';
    if (this.#isEnding) endAfter(res, connection.lastAnswer);
    if (connection.refusedBy !== null && !this.#leaveSpare(connection)) return 'spare';
    connection.underWay++;
    connection.lastAnswer = res;
    res.on('close', connection.onAnswered);
    this.#stand(connection, connection.isProven ? null : 'unproven');
    return 'placed';
  }

  /** Returns the error for a request on a spare place, unless it is a probe. */
  refuse(socket: Socket): GatewayError {
    const limit = this.#bySocket.get(socket)?.refusedBy ?? 'all';
    this.#refused[limit]++;
    const named = limit === 'all' ? '[gateway] max_connections' : '[gateway] max_connections_per_address';
    const whose = limit === 'all' ? '' : ' one address';
    return errors.unavailable(`All connections that ${named} allows${whose} have a request under way.`, 1);
  }

  /** Marks the connection as authorised: it keeps its place while a request is in progress. */
  letIn(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || connection.isProven) return;
    connection.isProven = true;
    if (connection.underWay > 0) this.#stand(connection, null);
  }

  /** From now on each connection ends with its last outstanding answer, and announces it; idle ones stay open. */
  endWithAnswers(): void {
    this.#isEnding = true;
    for (const { lastAnswer } of this.#open) if (lastAnswer !== null) endAfter(lastAnswer, null);
  }

  stats(): ConnectionStats {
    return {
      open: this.#openCount,
      addresses: this.#byAddress.size,
      most: this.#parts.most(),
      yielded: { ...this.#yielded },
      refused: { ...this.#refused },
    };
  }

  #opened(socket: Socket): void {
    const connection = new Connection(socket, this.#placesOf(socket), answered => this.#answered(answered));
    this.#bySocket.set(socket, connection);
    this.#open.append(connection.amongOpen);
    this.#openCount++;
    socket.once('close', () => this.#remove(connection));
    if (!this.#takePlace(connection)) this.#takeSpare(connection);
  }

  #takePlace(connection: Connection): boolean {
    // Looked up again: while it was spare, all other connections of its address may have changed.
    const address = this.#placesOf(connection.socket);
    connection.refusedBy = this.#makeRoom(address);
    if (connection.refusedBy !== null) return false;
    connection.address = address;
    this.#all.taken++;
    if (address.taken++ === 0) this.#byAddress.set(address.name, address);
    this.#stand(connection, 'headless');
    return true;
  }

  #placesOf(socket: Socket): Places {
    const { addresses, mostPerAddress } = this.#parts;
    const peer = peerAddress(socket);
    // A proxy counts by its own address, whatever its network.
    const isTrusted = addresses.isTrusted(peer);
    const name = isTrusted ? peer : networkOf(peer);
    return this.#byAddress.get(name) ?? new Places(name, isTrusted ? Number.POSITIVE_INFINITY : mostPerAddress);
  }

  /** Returns null once a connection fits; else the limit at which no connection yields. */
  #makeRoom(address: Places): Limit | null {
    for (;;) {
      const limit = this.#reached(address);
      if (limit === null) return null;
      this.#tell(limit, address);
      const yielding =
        limit === 'address' ? address.firstToYield(address.most) : this.#all.firstToYield(this.#parts.most());
      if (yielding === null) return limit;
      this.#yielded[limit]++;
      this.#end(yielding);
    }
  }

  #reached(address: Places): Limit | null {
    if (address.taken >= address.most) return 'address';
    return this.#all.taken >= this.#parts.most() ? 'all' : null;
  }

  #takeSpare(connection: Connection): void {
    if (this.#spareTaken >= sparePlaces && this.#spare.first !== null) this.#end(this.#spare.first);
    this.#spareTaken++;
    this.#spare.append(connection.amongAll);
  }

  /** Moves the connection to a regular place if one is free by now. */
  #leaveSpare(connection: Connection): boolean {
    const hasPlace = this.#takePlace(connection);
    if (hasPlace) this.#spareTaken--;
    return hasPlace;
  }

  #answered(connection: Connection): void {
    connection.underWay--;
    if (connection.underWay === 0) connection.lastAnswer = null;
    if (connection.underWay > 0 || !connection.isProven || !this.#bySocket.has(connection.socket)) return;
    this.#stand(connection, 'idle');
  }

  #stand(connection: Connection, standing: Standing | null): void {
    const change = Number(standing === 'headless') - Number(connection.standing === 'headless');
    connection.standing = standing;
    connection.address.headlessCount += change;
    this.#all.headlessCount += change;
    if (standing === null) {
      connection.amongAll.leave();
      connection.amongOwn.leave();
    } else {
      this.#all[standing].append(connection.amongAll);
      connection.address[standing].append(connection.amongOwn);
    }
  }

  /** Ended immediately, so that its file is free for the newcomer. */
  #end(connection: Connection): void {
    this.#remove(connection);
    connection.socket.destroy();
  }

  #remove(connection: Connection): void {
    if (!this.#bySocket.delete(connection.socket)) return;
    connection.amongOpen.leave();
    this.#openCount--;
    this.#stand(connection, null);
    if (connection.refusedBy !== null) {
      this.#spareTaken--;
      return;
    }
    this.#all.taken--;
    if (--connection.address.taken === 0) this.#byAddress.delete(connection.address.name);
  }

  #tell(limit: Limit, address: Places): void {
    const now = this.#parts.clock.now();
    if (now - this.#toldAt[limit] < tellEveryMs) return;
    this.#toldAt[limit] = now;
    if (limit === 'all') this.#parts.events.connectionsFull({ most: this.#parts.most(), address: null });
    else this.#parts.events.connectionsFull({ most: address.most, address: address.name });
  }
}
