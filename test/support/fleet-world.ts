/**
 * The seats of a fleet in one process: gateways whose messages go through JSON and arrive when the test says so, and a reign
 * that obeys it. The oracle is what really runs.
 */
import assert from 'node:assert/strict';
import type { PoolSettings, TenantConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import type { Spent } from '../../src/domain/usage.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import type { TicketWord } from '../../src/fleet/member.ts';
import { type Downward, readDownward, readUpward, type Upward } from '../../src/fleet/messages/messages.ts';
import type { Outlook } from '../../src/fleet/outlook.ts';
import { FleetSeats } from '../../src/gateway/fleet/fleet-seats.ts';
import { Dispatcher } from '../../src/gateway/pool/dispatcher.ts';
import { PoolDesk } from '../../src/gateway/pool/pool-desk.ts';
import type { putBack, TicketFields } from '../../src/gateway/pool/ticket.ts';
import { WaitWindow } from '../../src/observed/wait-window.ts';
import { anyFields } from './arrange-dispatcher.ts';
import { ManualClock } from './manual-clock.ts';
import { poolSettings } from './pool-settings.ts';

interface WorldLink {
  readonly up: string[];
  readonly down: string[];
  readonly told: { held: any[]; waiting: any[] };
  isWelcome: boolean;
}

interface Running {
  readonly node: Node;
  readonly requestId: string;
  /** Where its seat is. */
  readonly endpoint: string | null;
  readonly end: (answer: typeof putBack | 'served') => void;
  readonly busy: (retryAfterMs?: number | null, status?: number) => boolean;
  readonly progress: (spent: Spent) => void;
  readonly answered: (status: number) => void;
}

type Tenants = ReadonlyMap<string, TenantConfig>;

/** Lets promises settle. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

class Node {
  readonly id: string;
  readonly seats: FleetSeats;
  readonly pool: PoolDesk;
  readonly dispatcher: Dispatcher;
  link: WorldLink | null = null;
  /** Its clock forbids to use a seat that comes now. */
  isLate = false;
  /** False: it is of an older version. */
  answersPings = true;

  constructor(world: World, id: string, fields: Partial<PoolSettings>, tenants: Tenants) {
    const { clock } = world;
    const settings = poolSettings(fields);
    this.id = id;
    const log = { info: () => {}, warn: () => {} };
    this.seats = new FleetSeats({ clock, random: () => 0.5, cut: null, log });
    const mayGrant = (now: number) => this.seats.mayGrant(now);
    const waits = new WaitWindow(clock);
    this.pool = new PoolDesk({ name: 'gpu', settings, tenants, clock, waits, mayGrant });
    const desk = this.seats.deskOf('gpu', this.pool, settings);
    this.dispatcher = new Dispatcher({ name: 'gpu', settings, desk, clock, random: () => 0.5 });
    this.seats.joined(world.fleetOf(this), id);
  }

  configure(fields: Partial<PoolSettings>, tenants: Tenants): void {
    const settings = poolSettings(fields);
    this.pool.configure(settings, tenants);
    this.dispatcher.configure(settings);
    this.seats.configure('gpu', settings);
  }
}

export class World {
  readonly clock = new ManualClock();
  readonly nodes: readonly Node[];
  readonly running: Running[] = [];
  /** Requests, in the order in which their work began. */
  readonly started: string[] = [];
  readonly outcomes: Promise<unknown>[] = [];
  readonly tickets: { leave(): void }[] = [];
  mostAtOnce = 0;
  #conductor: Node | null = null;
  /** The members whose hello the conductor has not heard yet. */
  readonly #silent = new Set<Node>();
  #brought = 0;
  #epoch = 0;
  #asked = 0;

  constructor(nodes: number, settings: Partial<PoolSettings>, tenants: Tenants = new Map()) {
    this.nodes = Array.from({ length: nodes }, (_, at) => new Node(this, `node-${at}`, settings, tenants));
  }

  fleetOf(node: Node) {
    return {
      reign: {
        mayGrant: (id: string) =>
          this.#conductor === node && (id === node.id || this.#node(id)?.link?.isWelcome === true),
        mayStart: () => !node.isLate,
        budget: () => (this.#silent.size > 0 ? this.#brought : null),
      },
      say: (message: Upward) => {
        node.link?.up.push(JSON.stringify(message));
        return node.link !== null;
      },
      tell: (id: string, message: Downward) => {
        const link = this.#node(id)?.link;
        if (link?.isWelcome === true) link.down.push(JSON.stringify(message));
      },
      seatedTooLate: () => this.cut(node),
      outlook: () => this.#outlookOf(node),
      rttMs: null,
      greetAgain: () => {},
    };
  }

  #outlookOf(node: Node): Outlook {
    const conductor = this.#conductor;
    if (conductor === node) {
      const others = this.nodes.filter(other => other !== node);
      const isHeard = ({ link }: Node) => link?.isWelcome === true;
      const listed = (nodes: readonly Node[]) => nodes.map(({ id }) => listedOf(id));
      return {
        who: 'self',
        heard: listed(others.filter(isHeard)),
        unheard: listed(others.filter(other => !isHeard(other))),
        reigns: true,
      };
    }
    return conductor === null || node.link?.isWelcome !== true
      ? { who: 'nobody' }
      : { who: 'other', conductor: listedOf(conductor.id) };
  }

  // ---- what may happen

  request(node: Node, level: Level, flowId: string, fields: Partial<TicketFields> = {}): void {
    const requestId = `r${++this.#asked}`;
    const ticket = node.dispatcher.ticket({ ...anyFields, ...fields, requestId, level, flowId });
    this.tickets.push(ticket);
    const work = () =>
      new Promise<string | typeof putBack>(resolve => {
        this.started.push(requestId);
        const running: Running = {
          node,
          requestId,
          endpoint: ticket.endpoint ?? null,
          end: answer => {
            this.running.splice(this.running.indexOf(running), 1);
            resolve(answer);
          },
          busy: (retryAfterMs = 10, status = 429) => ticket.upstreamBusy(status, retryAfterMs),
          progress: spent => ticket.progress(spent),
          answered: status => ticket.upstreamAnswered(status),
        };
        this.running.push(running);
        this.mostAtOnce = Math.max(this.mostAtOnce, this.running.length);
      });
    this.outcomes.push(node.dispatcher.run(ticket, work).catch(codeOf));
  }

  /** Without its hello having been heard, what it has is not counted. */
  conduct(node: Node): void {
    if (this.#conductor === node) return;
    const before = this.#conductor;
    for (const other of this.nodes) other.link = null;
    this.#conductor = null;
    before?.seats.abdicate('another conducts');
    this.#conductor = node;
    this.#silent.clear();
    for (const other of this.nodes) if (other !== node) this.#silent.add(other);
    node.seats.conduct(++this.#epoch);
    this.#brought = seatsIn(node.seats.brings());
    node.seats.changed();
  }

  /** A new connection; what was on the old one is lost. */
  greet(node: Node, pools = node.seats.pools()): void {
    if (this.#conductor === null || node === this.#conductor) return;
    this.cut(node);
    const words: Upward[] = [...node.seats.tickets()];
    const { answersPings } = node;
    const member = { name: node.id, url: 'tcp://10.0.0.1:1', version: '1.0.0', since: '' };
    words.push({
      t: 'hello',
      epoch: 1,
      beat: 1,
      member,
      isLeaving: false,
      pools: [...pools],
      brings: [...node.seats.brings()],
      ...(answersPings && { answersPings }),
    });
    words.push(...node.seats.endpoints());
    const up = words.map(word => JSON.stringify(word));
    node.link = { up, down: [], told: { held: [], waiting: [] }, isWelcome: false };
  }

  cut(node: Node): void {
    const wasWelcome = node.link?.isWelcome === true;
    node.link = null;
    if (wasWelcome) this.#conductor?.seats.lost(node.id);
  }

  deliver(node: Node, way: 'up' | 'down'): boolean {
    const { link } = node;
    const text = link?.[way].shift();
    if (link === null || text === undefined) return false;
    if (way === 'down') {
      const message = readDownward(JSON.parse(text));
      if (message?.t === 'ping') {
        link.up.push(JSON.stringify({ t: 'pong' }));
        return true;
      }
      assert.ok(message !== null && isTicketWord(message));
      node.seats.told(message);
    } else this.#heard(node, link, readUpward(JSON.parse(text)));
    return true;
  }

  async deliverAll(): Promise<boolean> {
    let isBusy = false;
    for (const node of this.nodes) while (this.deliver(node, 'up') || this.deliver(node, 'down')) isBusy = true;
    await turn();
    return isBusy;
  }

  /** All faults are over: everybody is heard, on the connection that it has, and what runs ends. */
  async settle(): Promise<void> {
    for (const node of this.nodes) node.isLate = false;
    for (const node of this.nodes) if (node.link === null) this.greet(node);
    for (let isBusy = true; isBusy; ) {
      isBusy = await this.deliverAll();
      for (const { end } of [...this.running]) {
        end('served');
        isBusy = true;
      }
      await turn();
    }
  }

  #heard(node: Node, link: WorldLink, message: Upward | null): void {
    const seats = this.#conductor?.seats;
    assert.ok(message !== null && seats !== undefined);
    if (message.t === 'held' || message.t === 'waiting') {
      link.told[message.t].push(...message.tickets);
      return;
    }
    if (message.t !== 'hello') {
      seats.said(node.id, message);
      return;
    }
    if (this.#silent.delete(node)) this.#brought += seatsIn(message.brings);
    link.isWelcome = true;
    const { pools, answersPings = false } = message;
    seats.came(node.id, { pools, ...link.told, answersPings });
    seats.changed();
  }

  #node(id: string): Node | undefined {
    return this.nodes.find(node => node.id === id);
  }
}

const isTicketWord = (message: Downward): message is TicketWord =>
  !['welcome', 'beat', 'list', 'elsewhere', 'ping'].includes(message.t);

const listedOf = (id: string) => ({ id, name: `name of ${id}`, url: 'tcp://10.0.0.1:1', version: '1.0.0', since: '' });

const codeOf = (error: unknown): string => (error instanceof GatewayError ? error.code : String(error));

const seatsIn = (brings: readonly { readonly seats: number }[]): number =>
  brings.reduce((sum, { seats }) => sum + seats, 0);
