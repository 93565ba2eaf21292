import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientAddresses } from '../../../src/http/door/client-address.ts';
import { connectionLimit } from '../../../src/http/door/connection-limit.ts';
import { Connections, sparePlaces } from '../../../src/http/door/connections.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A connection with the members that the table reads. */
class Peer extends EventEmitter {
  readonly remoteAddress: string;
  readonly answers: EventEmitter[] = [];
  isOpen = true;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  get socket(): Socket {
    return this as unknown as Socket;
  }

  destroy(): void {
    this.isOpen = false;
  }
}

const proxy = '10.0.0.1';

function arrange({ most = 6, mostPerAddress = 4 } = {}) {
  const server = new EventEmitter();
  const clock = new ManualClock();
  const told: { most: number; address: string | null }[] = [];
  const limits = { most };
  const connections = new Connections({
    most: () => limits.most,
    mostPerAddress,
    addresses: new ClientAddresses([proxy]),
    clock,
    events: { connectionsFull: full => told.push(full) },
  });
  connections.watch(server as unknown as Server);
  const open = (address = '192.0.2.1') => {
    const peer = new Peer(address);
    server.emit('connection', peer);
    return peer;
  };
  const head = (peer: Peer) => {
    const answer = new EventEmitter();
    const place = connections.begin(peer.socket, answer as unknown as ServerResponse);
    if (place === 'placed') peer.answers.push(answer);
    return place;
  };
  const letIn = (peer: Peer) => connections.letIn(peer.socket);
  const ask = (peer: Peer) => {
    const place = head(peer);
    if (place === 'placed') letIn(peer);
    return place;
  };
  const answer = (peer: Peer) => peer.answers.shift()?.emit('close');
  const close = (peer: Peer) => {
    peer.isOpen = false;
    for (const answer of peer.answers.splice(0)) answer.emit('close');
    peer.emit('close');
  };
  return { connections, clock, told, limits, open, head, letIn, ask, answer, close };
}

test('the order of closing: the oldest without a head, then strangers by their last head, then the longest idle', () => {
  const { connections, open, head, ask, answer } = arrange({ mostPerAddress: 6 });
  const idle = [open(), open()];
  for (const peer of idle) ask(peer);
  for (const peer of idle.toReversed()) answer(peer);
  const busy = open();
  ask(busy);
  const headless = open();
  const strangers = [open(), open()];
  for (const peer of strangers.toReversed()) head(peer);
  const order = [headless, strangers[1], strangers[0], idle[1], idle[0]];
  for (const yielding of order) {
    const newcomer = open('198.51.100.1');
    assert.equal(ask(newcomer), 'placed');
    assert.equal(yielding?.isOpen, false);
    assert.equal(connections.stats().open, 6);
  }
  assert.equal(busy.isOpen, true);
  const refused = open('198.51.100.1');
  assert.deepEqual([head(refused), connections.stats().open], ['spare', 7]);
  assert.match(connections.refuse(refused.socket).message, /\[gateway\] max_connections allows/);
  assert.deepEqual(connections.stats().yielded, { all: 5, address: 0 });
  assert.deepEqual(connections.stats().refused, { all: 1, address: 0 });
});

test('the newest connections without a head are closed last, because their heads may be on the way', () => {
  const { open, head, ask, answer } = arrange({ most: 16, mostPerAddress: 100 });
  const strangers = Array.from({ length: 8 }, () => open());
  for (const peer of strangers) head(peer);
  const idle = Array.from({ length: 4 }, () => open());
  for (const peer of idle) ask(peer);
  for (const peer of idle) answer(peer);
  const headless = Array.from({ length: 4 }, () => open());
  const newcomers = [];
  // Each new connection takes the place of the oldest without a head, until two are left.
  for (const yielding of headless) {
    newcomers.push(open());
    assert.equal(yielding.isOpen, false);
  }
  const late = newcomers.slice(-2);
  assert.ok(
    late.every(peer => ask(peer) === 'placed'),
    'the last two have not been closed',
  );
  for (const yielding of strangers.slice(0, 2)) {
    head(open());
    assert.equal(yielding.isOpen, false);
  }
});

test('an address at its own limit takes no place from others, and proxies have no such limit', () => {
  const { connections, open, head, told } = arrange();
  const other = open('198.51.100.1');
  const own = Array.from({ length: 10 }, () => open('2001:db8::1'));
  assert.deepEqual(
    own.map(({ isOpen }) => isOpen),
    [...Array<boolean>(6).fill(false), true, true, true, true],
  );
  assert.equal(open('2001:db8::ffff').isOpen, true);
  assert.deepEqual([own[6]?.isOpen, other.isOpen], [false, true], 'of one network');
  assert.deepEqual(connections.stats().yielded, { all: 0, address: 7 });
  const behind = Array.from({ length: 6 }, () => open(`::ffff:${proxy}`));
  assert.ok(behind.every(({ isOpen }) => isOpen));
  assert.equal(head(behind[0] ?? other), 'placed');
  assert.deepEqual(told, [
    { most: 4, address: '2001:db8:0:0' },
    { most: 6, address: null },
  ]);
});

test('a connection in a spare place gets a regular one once there is room, and the oldest spare one is closed', () => {
  const { connections, open, head, ask, answer } = arrange({ most: 2, mostPerAddress: 2 });
  const busy = [open(), open()];
  for (const peer of busy) ask(peer);
  const spare = Array.from({ length: sparePlaces }, () => open('198.51.100.1'));
  const [first, second] = spare;
  assert.ok(first && second && busy[0] && busy[1]);
  assert.equal(head(second), 'spare');
  assert.ok(spare.every(({ isOpen }) => isOpen));
  open('198.51.100.1');
  assert.deepEqual([first.isOpen, second.isOpen], [false, true]);
  answer(busy[0]);
  assert.equal(head(second), 'placed');
  assert.equal(busy[0].isOpen, false, 'it was idle');
  assert.equal(connections.stats().open, 2 + sparePlaces - 1);
});

test('spare places are freed, however their connections end', () => {
  const { open, head, ask, answer, close } = arrange({ most: 1, mostPerAddress: 1 });
  let busy = open();
  ask(busy);
  for (let count = 0; count < 2 * sparePlaces; count++) {
    const spare = open();
    assert.equal(head(spare), 'spare');
    if (count % 2 === 0) {
      close(spare);
      continue;
    }
    answer(busy);
    assert.equal(ask(spare), 'placed');
    busy = spare;
  }
  const spare = Array.from({ length: sparePlaces }, () => open());
  assert.ok(spare.every(({ isOpen }) => isOpen));
});

test('when the limit falls below the open connections, newcomers close others until it is met', () => {
  const { limits, connections, open, ask } = arrange({ mostPerAddress: 6 });
  const busy = open();
  ask(busy);
  for (let count = 0; count < 5; count++) open();
  limits.most = 3;
  open('198.51.100.1');
  assert.deepEqual([connections.stats().open, busy.isOpen], [3, true]);
});

test('the limit is logged once a minute', () => {
  const { open, told, clock } = arrange({ most: 1 });
  for (let count = 0; count < 100; count++) open();
  assert.equal(told.length, 1);
  clock.advance(60_000);
  for (let count = 0; count < 100; count++) open();
  assert.equal(told.length, 2);
});

test('files for upstream calls are kept free, at most half of all', () => {
  const of = (openFiles: number, upstreamCalls = 0, configured = 16_000) =>
    connectionLimit({ configured, openFiles, upstreamCalls });
  assert.equal(of(Number.POSITIVE_INFINITY, 100_000), 16_000);
  assert.equal(of(20_000, 8), 16_000);
  assert.equal(of(1024, 8), 1024 - 96 - 8);
  assert.equal(of(1024, 100_000), 464);
  assert.equal(of(256), 160);
  assert.equal(of(256, 0, 50), 50);
  assert.equal(of(64), 32);
  assert.equal(of(1), 1);
});

/** The same rules over plain arrays, in the order in which the connections would yield. */
class Reference {
  readonly most: number;
  readonly mostPerAddress: number;
  order: { peer: Peer; rank: number; at: number; underWay: number; isProven: boolean }[] = [];
  spare: Peer[] = [];
  #at = 0;

  constructor(most: number, mostPerAddress: number) {
    this.most = most;
    this.mostPerAddress = mostPerAddress;
  }

  open(peer: Peer): void {
    if (this.#makeRoom(peer)) this.order.push({ peer, rank: 0, at: this.#at++, underWay: 0, isProven: false });
    else this.spare = [...this.spare, peer].slice(-sparePlaces);
  }

  head(peer: Peer): void {
    if (this.spare.includes(peer)) {
      if (!this.#makeRoom(peer)) return;
      this.spare = this.spare.filter(other => other !== peer);
      this.order.push({ peer, rank: 0, at: this.#at++, underWay: 0, isProven: false });
    }
    const place = this.#of(peer);
    if (!place) return;
    place.underWay++;
    if (!place.isProven) Object.assign(place, { rank: 1, at: this.#at++ });
  }

  letIn(peer: Peer): void {
    const place = this.#of(peer);
    if (place) place.isProven = true;
  }

  answer(peer: Peer): void {
    const place = this.#of(peer);
    if (!place || place.underWay === 0) return;
    if (--place.underWay === 0 && place.isProven) Object.assign(place, { rank: 2, at: this.#at++ });
  }

  close(peer: Peer): void {
    this.order = this.order.filter(place => place.peer !== peer);
    this.spare = this.spare.filter(other => other !== peer);
  }

  get peers(): Set<Peer> {
    return new Set([...this.order.map(({ peer }) => peer), ...this.spare]);
  }

  #of = (peer: Peer) => this.order.find(place => place.peer === peer);

  #makeRoom({ remoteAddress }: Peer): boolean {
    const own = this.order.filter(({ peer }) => peer.remoteAddress === remoteAddress);
    const isOwnFull = remoteAddress !== proxy && own.length >= this.mostPerAddress;
    if (!isOwnFull && this.order.length < this.most) return true;
    const all = isOwnFull ? own : this.order;
    const headless = all.filter(({ rank }) => rank === 0);
    const kept = new Set(
      headless.slice(-Math.floor((isOwnFull ? this.mostPerAddress : this.most) / 8) || headless.length),
    );
    const rankOf = (place: (typeof all)[number]) => (kept.has(place) ? 3 : place.rank);
    const yielding = all
      .filter(({ isProven, underWay }) => !isProven || underWay === 0)
      .toSorted((one, other) => rankOf(one) - rankOf(other) || one.at - other.at)[0];
    if (!yielding) return false;
    this.close(yielding.peer);
    return true;
  }
}

const addresses = ['192.0.2.1', '198.51.100.1', proxy];
const acts = fc.record({
  act: fc.constantFrom('open', 'open', 'head', 'head', 'letIn', 'letIn', 'answer', 'answer', 'close', 'leave'),
  address: fc.nat(2),
  index: fc.nat(1_000),
});

/** Performs the same steps on both and compares them after each. */
function walk(steps: { act: string; address: number; index: number }[], most: number, mostPerAddress: number): void {
  const table = arrange({ most, mostPerAddress });
  const reference = new Reference(most, mostPerAddress);
  let peers: Peer[] = [];
  const close = (peer: Peer) => {
    table.close(peer);
    reference.close(peer);
  };
  const isOf = (address: number) => (peer: Peer) =>
    peer.remoteAddress === addresses[address] && !reference.spare.includes(peer);
  const compare = () => {
    peers = peers.filter(peer => peer.isOpen);
    assert.deepEqual(new Set(peers), reference.peers);
    const placed = new Set(reference.order.map(({ peer }) => peer.remoteAddress));
    const { open, addresses } = table.connections.stats();
    assert.deepEqual([open, addresses], [peers.length, placed.size]);
  };
  for (const { act, address, index } of steps) {
    const peer = peers[index % Math.max(1, Math.min(6, peers.length))];
    if (act === 'open') {
      peers.push(table.open(addresses[address]));
      reference.open(peers.at(-1) ?? assert.fail());
    } else if (act === 'leave') for (const one of peers.filter(isOf(address))) close(one);
    else if (peer === undefined || (act === 'letIn' && peer.answers.length === 0)) continue;
    else if (act === 'close') close(peer);
    else if (act === 'head' || act === 'letIn' || act === 'answer') {
      table[act](peer);
      reference[act](peer);
    }
    compare();
  }
  for (const peer of peers) close(peer);
  compare();
}

test('whatever happens, exactly the connections are open that a model over plain arrays leaves open', () => {
  const limit = fc.integer({ min: 1, max: 24 });
  fc.assert(fc.property(fc.array(acts, { maxLength: 300, size: 'max' }), limit, limit, walk), { numRuns: 500 });
});
