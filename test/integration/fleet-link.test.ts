import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { knock } from '../../src/fleet/link/call.ts';
import type { Upward } from '../../src/fleet/messages/messages.ts';
import { bounds, listedAs, ownOf, secret, startConductor, startMember } from '../support/fleet-link.ts';
import {
  batch,
  frame,
  macOf,
  openingOf,
  openPeer,
  openRaw,
  type PeerIs,
  proofOf,
  rawOn,
  sealed,
  startRaw,
} from '../support/fleet-peer.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startTcpWay } from '../support/tcp-way.ts';
import { until } from '../support/until.ts';

const beat = (at: number): Upward => ({ t: 'beat', beat: at, answers: null, isLeaving: false });
const peerOf = (at: string, over: Partial<PeerIs> = {}): PeerIs => ({
  secret,
  fleet: 'main',
  at,
  member: randomUUID(),
  ...over,
});
const never = new AbortController().signal;

// ---- the hand-shake

test('a member and its conductor prove themselves to each other, and hear each other', async t => {
  const conductor = await startConductor(t, { own: { epoch: () => 8 } });
  const member = startMember(t, conductor.listed, { generation: 3, own: { epoch: () => 7 } });
  await member.settled();
  member.call.send(beat(1));
  await until(() => conductor.heard.length > 0);
  assert.deepEqual(conductor.heard, [{ from: member.own.id, message: beat(1) }]);
  assert.deepEqual(conductor.links[0]?.peer, { id: member.own.id, generation: 3, epoch: 7, version: 1 });
  conductor.links[0]?.send({ t: 'beat', beat: 5, answers: 1 });
  await until(() => member.heard.length > 0);
  assert.deepEqual(member.heard, [{ t: 'beat', beat: 5, answers: 1 }]);
});

test('messages of one turn leave in one frame, those of the next in another, in their order', async t => {
  const conductor = await startConductor(t);
  const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  const send = (at: number) => conductor.links[0]?.send({ t: 'beat', beat: at, answers: 0 });
  for (const at of [1, 2, 3]) send(at);
  await new Promise(resolve => setImmediate(resolve));
  send(4);
  const beats = async () => JSON.parse(String(await peer.frame())).map((message: { beat: number }) => message.beat);
  assert.deepEqual(await beats(), [1, 2, 3]);
  assert.deepEqual(await beats(), [4]);
});

test('more than fits into a frame leaves in several', async t => {
  const conductor = await startConductor(t, { bounds: { mostFrameBytes: 200 } });
  const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  for (let at = 0; at < 50; at++) conductor.links[0]?.send({ t: 'beat', beat: at, answers: 0 });
  const beats: number[] = [];
  while (beats.length < 50) {
    const content = await peer.frame();
    assert.ok(content.length <= 200);
    beats.push(...JSON.parse(String(content)).map((message: { beat: number }) => message.beat));
  }
  assert.deepEqual(
    beats,
    Array.from({ length: 50 }, (_, at) => at),
  );
});

/** Whoever says that is closed without a word. */
const strangers: readonly [what: string, said: (at: string) => Buffer][] = [
  ['that is of another fleet', at => frame(openingOf(peerOf(at, { fleet: 'other' })))],
  ['that has another secret', at => frame(openingOf(peerOf(at, { secret: randomBytes(32) })))],
  ['that means another address', at => frame(openingOf(peerOf(`${at}0`)))],
  ['whose words are those of a listener', at => frame(sealed(secret, 'challenge', Buffer.alloc(0), peerOf(at)))],
  ['that proves at once', () => frame(sealed(secret, 'proof', Buffer.alloc(0), ''))],
  ['that says nothing of itself', () => frame(sealed(secret, 'opening', Buffer.alloc(0), {}))],
  [
    'whose words are no JSON',
    () => frame(Buffer.concat([macOf(secret, 'opening', Buffer.alloc(0), Buffer.from('{')), Buffer.from('{')])),
  ],
  ['whose member is no UUID', at => frame(openingOf(peerOf(at, { member: 'me' })))],
  ['with an empty frame', () => frame(Buffer.alloc(0))],
  ['with a frame of 31 bytes', () => frame(randomBytes(31))],
  ['with a frame that is too long', () => Buffer.from([0, 0, 8, 1])],
  ['with the longest of all frames', () => Buffer.from([255, 255, 255, 255])],
  ['that speaks HTTP', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
];
for (const [what, said] of strangers) {
  test(`a stranger is closed without a word: one ${what}`, async t => {
    const conductor = await startConductor(t);
    const stranger = await openRaw(t, conductor.listed.url);
    stranger.socket.write(said(conductor.listed.url));
    await stranger.closed;
    assert.equal(stranger.received.length, 0);
    assert.equal(conductor.links.length, 0);
  });
}

test('what was recorded of a hand-shake is of no use: the nonce of the listener is another', async t => {
  const conductor = await startConductor(t);
  const is = peerOf(conductor.listed.url);
  const first = await openRaw(t, conductor.listed.url);
  const opening = frame(openingOf(is));
  first.socket.write(opening);
  const proof = frame(proofOf(secret, await first.frame()));
  first.socket.write(Buffer.concat([proof, batch(beat(1))]));
  await until(() => conductor.heard.length === 1);

  const replayed = await openRaw(t, conductor.listed.url);
  replayed.socket.write(Buffer.concat([opening, proof, batch(beat(2))]));
  await replayed.closed;
  assert.deepEqual([conductor.links.length, conductor.heard.length], [1, 1]);
});

test('what the listener says cannot be sent back to it as a proof', async t => {
  const conductor = await startConductor(t);
  const stranger = await openRaw(t, conductor.listed.url);
  stranger.socket.write(frame(openingOf(peerOf(conductor.listed.url))));
  stranger.socket.write(frame(await stranger.frame()));
  await stranger.closed;
  assert.equal(conductor.links.length, 0);
});

const challengeTo = (opening: Buffer, member: string, over: object = {}, key: Uint8Array = secret): Buffer =>
  sealed(key, 'challenge', opening.subarray(0, 32), {
    member,
    epoch: 0,
    speaks: { oldest: 1, newest: 1 },
    nonce: randomBytes(32).toString('base64url'),
    ...over,
  });

const impostors: readonly [what: string, answer: (opening: Buffer, id: string) => Buffer, why: RegExp][] = [
  ['sends the opening back', opening => frame(opening), /does not know the secret/],
  [
    'has another secret',
    (opening, id) => frame(challengeTo(opening, id, {}, randomBytes(32))),
    /does not know the secret/,
  ],
  ['answers another opening', (_, id) => frame(challengeTo(randomBytes(32), id)), /does not know the secret/],
  ['is no gateway', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /no gateway/],
  ['names no version', (opening, id) => frame(challengeTo(opening, id, { speaks: null })), /does not know the secret/],
];
for (const [what, answer, why] of impostors) {
  test(`a member believes nobody who does not know the secret: one that ${what}`, async t => {
    const own = ownOf();
    const heard: Buffer[] = [];
    const url = await startRaw(t, async socket => {
      const peer = rawOn(socket);
      socket.write(answer(await peer.frame(), own.id));
      await peer.closed;
      heard.push(peer.received);
    });
    const member = startMember(t, listedAs(own, url));
    await member.settled();
    assert.deepEqual([member.isOpen, member.ended[0]?.how], [false, 'lost']);
    assert.match(member.ended[0]?.why ?? '', why);
    await until(() => heard.length > 0);
    // Nothing but the opening: its frame and no more.
    assert.equal(heard[0]?.length, 4 + (heard[0]?.readUInt32BE() ?? 0));
  });
}

// ---- the end, anywhere

test('a connection may end at every byte that a member says: nothing is believed before its proof, nothing stays open', async t => {
  const conductor = await startConductor(t);
  const is = peerOf(conductor.listed.url);
  const opening = frame(openingOf(is));
  const proofBytes = 4 + 32;
  const message = batch(beat(1));
  const all = opening.length + proofBytes + message.length;
  for (let cut = 0; cut < all; cut++) {
    const peer = await openRaw(t, conductor.listed.url);
    peer.socket.write(opening.subarray(0, cut));
    if (cut > opening.length) {
      const rest = Buffer.concat([frame(proofOf(secret, await peer.frame())), message]);
      peer.socket.write(rest.subarray(0, cut - opening.length));
    }
    // Half of them in order, half with a reset.
    if (cut % 2 === 0) peer.socket.end();
    else peer.socket.resetAndDestroy();
    await peer.closed;
  }
  assert.equal(conductor.heard.length, 0);
  assert.ok(conductor.links.length <= message.length);
  await until(() => conductor.ended.length === conductor.links.length);
  const member = startMember(t, conductor.listed);
  await member.settled();
  assert.equal(member.isOpen, true);
});

test('a connection may end at every byte that a conductor says', async t => {
  const own = ownOf();
  const message = batch({ t: 'beat', beat: 1, answers: 0 });
  let cut = 0;
  let length = Number.POSITIVE_INFINITY;
  const url = await startRaw(t, async socket => {
    const peer = rawOn(socket);
    const at = cut;
    const said = Buffer.concat([frame(challengeTo(await peer.frame(), own.id)), message]);
    length = said.length;
    socket.write(said.subarray(0, at));
    if (at % 2 === 0) socket.end();
    else socket.resetAndDestroy();
  });
  for (; cut < length; cut++) {
    const member = startMember(t, listedAs(own, url));
    await until(() => member.ended.length > 0);
    assert.equal(member.ended[0]?.how, 'lost');
    assert.deepEqual(member.heard, []);
  }
});

test('a whole hand-shake and its messages may come byte by byte', async t => {
  const conductor = await startConductor(t);
  const peer = await openRaw(t, conductor.listed.url);
  const trickle = async (bytes: Buffer) => {
    for (const byte of bytes) {
      await new Promise<unknown>(resolve => peer.socket.write(Buffer.from([byte]), resolve));
    }
  };
  await trickle(frame(openingOf(peerOf(conductor.listed.url))));
  await trickle(frame(proofOf(secret, await peer.frame())));
  await trickle(batch(beat(1), beat(2)));
  await until(() => conductor.heard.length === 2);
});

// ---- bounds

test('whoever sends byte by byte without an end is closed after two seconds', async t => {
  const clock = new ManualClock();
  const conductor = await startConductor(t, { own: { clock } });
  const slow = await openRaw(t, conductor.listed.url);
  const opening = frame(openingOf(peerOf(conductor.listed.url)));
  await until(() => clock.pending === 1);
  for (const byte of opening.subarray(0, 40)) slow.socket.write(Buffer.from([byte]));
  clock.advance(1_999);
  assert.equal(slow.socket.destroyed, false);
  clock.advance(1);
  await slow.closed;
  assert.equal(slow.received.length, 0);
  assert.equal(clock.pending, 0);
});

test('whoever has said its opening and proves nothing is closed after two seconds, too', async t => {
  const clock = new ManualClock();
  const conductor = await startConductor(t, { own: { clock } });
  const half = await openRaw(t, conductor.listed.url);
  half.socket.write(frame(openingOf(peerOf(conductor.listed.url))));
  await half.frame();
  clock.advance(2_000);
  await half.closed;
  assert.equal(conductor.links.length, 0);
});

test('of 200 connections that say nothing 64 are open at most, and a member gets in all the same', async t => {
  const clock = new ManualClock();
  const conductor = await startConductor(t, { own: { clock } });
  const silent = await Promise.all(Array.from({ length: 200 }, () => openRaw(t, conductor.listed.url)));
  const open = () => silent.filter(({ socket }) => !socket.destroyed).length;
  await until(() => open() === bounds.mostUnproved);
  const member = startMember(t, conductor.listed);
  await until(() => conductor.links.length === 1);
  await until(() => open() === bounds.mostUnproved - 1);
  clock.advance(2_000);
  await Promise.all(silent.map(({ closed }) => closed));
  member.call.send(beat(1));
  await until(() => conductor.heard.length === 1);
  assert.equal(clock.pending, 0);
});

test('members beyond the most are refused, and a free place is used again', async t => {
  const conductor = await startConductor(t, { bounds: { mostLinks: 2 } });
  const open = async () => {
    const member = startMember(t, conductor.listed);
    await member.settled();
    return member;
  };
  const [first] = [await open(), await open()];
  const third = await open();
  await until(() => third.ended.length > 0);
  assert.equal(conductor.links.length, 2);
  first.call.close();
  await until(() => conductor.ended.length === 1);
  const fourth = await open();
  fourth.call.send(beat(4));
  await until(() => conductor.heard.length === 1);
});

test('of a member one connection is open: a newer one takes its place, an older one is refused', async t => {
  const conductor = await startConductor(t);
  const id = randomUUID();
  const first = startMember(t, conductor.listed, { own: { id }, generation: 1 });
  await first.settled();
  const third = startMember(t, conductor.listed, { own: { id }, generation: 3 });
  await until(() => first.ended.length === 1);
  const second = startMember(t, conductor.listed, { own: { id }, generation: 2 });
  await until(() => second.ended.length === 1);
  third.call.send(beat(3));
  await until(() => conductor.heard.length === 1);
  assert.deepEqual(
    conductor.links.map(({ peer }) => peer.generation),
    [1, 3],
  );
});

test('two processes of one name are two members', async t => {
  const conductor = await startConductor(t);
  const hello = {
    t: 'hello',
    epoch: 0,
    beat: 1,
    member: { name: 'gateway', url: 'tcp://10.0.0.1:1', version: '1', since: '' },
    isLeaving: false,
    pools: [],
    brings: [],
  } as const;
  const both = [startMember(t, conductor.listed), startMember(t, conductor.listed)];
  for (const member of both) {
    await member.settled();
    member.call.send(hello);
  }
  await until(() => conductor.heard.length === 2);
  assert.deepEqual(new Set(conductor.heard.map(({ from }) => from)), new Set(both.map(({ own }) => own.id)));
  assert.deepEqual([both[0]?.ended, both[1]?.ended], [[], []]);
});

test('a peer that does not read is closed once more than the bound waits for it', async t => {
  const conductor = await startConductor(t, { bounds: { mostUnwrittenBytes: 100_000 } });
  const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  peer.socket.pause();
  const value = 'x'.repeat(10_000);
  let sent = 0;
  // The system takes some megabytes before anything waits here.
  while (conductor.ended.length === 0 && sent < 64 * 2 ** 20) {
    for (let i = 0; i < 5; i++) conductor.links[0]?.send({ t: 'answer', ask: 1, value });
    sent += 5 * value.length;
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.match(conductor.ended[0]?.why ?? '', /does not read/);
  peer.socket.resume();
  await peer.closed;
});

test('a peer that has closed its side and does not read is not waited for', async t => {
  const conductor = await startConductor(t, { bounds: { mostUnwrittenBytes: 2 ** 30 } });
  const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  peer.socket.pause();
  for (let i = 0; i < 200; i++) conductor.links[0]?.send({ t: 'answer', ask: i, value: 'x'.repeat(100_000) });
  peer.socket.end();
  await until(() => conductor.ended.length > 0);
  assert.match(conductor.ended[0]?.why ?? '', /has closed it/);
});

test('what is said in one turn has the same bound', async t => {
  const conductor = await startConductor(t, { bounds: { mostUnwrittenBytes: 100_000 } });
  await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  for (let i = 0; i < 1_000; i++) conductor.links[0]?.send({ t: 'answer', ask: i, value: 'x'.repeat(1_000) });
  await until(() => conductor.ended.length > 0);
  assert.match(conductor.ended[0]?.why ?? '', /does not read/);
});

const broken: readonly [what: string, bytes: Buffer, why: RegExp][] = [
  ['a frame that is too long', Buffer.from([0, 16, 0, 1]), /longer than it may be/],
  ['a frame of nothing', frame(Buffer.alloc(0)), /not JSON/],
  ['a frame that is not UTF-8', frame(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), /not UTF-8/],
  ['a frame that is no list', frame(Buffer.from('{}')), /not a list/],
  ['a message that is none', batch(5), /without its kind/],
  [
    'a number that is none',
    frame(Buffer.from('[{"t":"beat","beat":1e999,"answers":null,"isLeaving":false}]')),
    /beat\.beat is out of its bounds/,
  ],
  ['a negative time', batch({ ...beat(1), beat: -1 }), /beat\.beat is out/],
  [
    'a level that is none',
    batch({ t: 'enter', ticket: 1, attempt: 0, pool: 0, asked: { level: 10 } }),
    /enter\.asked\.requestId is out/,
  ],
  [
    'a list that is too long',
    batch({ t: 'progress', spent: Array(10_001).fill([1, 0, 1, 1]) }),
    /progress\.spent is out/,
  ],
  ['arrays without an end', frame(Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)), /without its kind/],
];
for (const [what, bytes, why] of broken) {
  test(`a broken member is closed, and what is wrong is told: ${what}`, async t => {
    const conductor = await startConductor(t);
    const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
    peer.socket.write(Buffer.concat([batch(beat(1)), bytes, batch(beat(2))]));
    await peer.closed;
    assert.match(conductor.ended[0]?.why ?? '', why);
    // Messages before it count, messages after it do not.
    assert.deepEqual(
      conductor.heard.map(({ message }) => message),
      [beat(1)],
    );
  });
}

test('whatever strangers and broken members send, the conductor goes on and nothing is left open', async t => {
  const conductor = await startConductor(t);
  const good = startMember(t, conductor.listed);
  await good.settled();
  const valid = [batch(beat(1)), batch({ t: 'goodbye' }), frame(openingOf(peerOf(conductor.listed.url)))];
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
    fc.constantFrom(...valid),
    fc.json({ maxDepth: 4 }).map(json => frame(Buffer.from(`[${json}]`))),
    fc.tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      const changed = Buffer.from(bytes);
      changed[at % changed.length] = byte;
      return changed;
    }),
  );
  const sockets = () => process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length;
  const before = sockets();
  let said = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), fc.boolean(), async (pieces, isProved) => {
      const peer = isProved
        ? await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url))
        : await openRaw(t, conductor.listed.url);
      for (const bytes of pieces) peer.socket.write(bytes);
      peer.socket.end();
      await peer.closed;
      good.call.send(beat(++said));
      await until(() =>
        conductor.heard.some(({ from, message }) => from === good.own.id && 'beat' in message && message.beat === said),
      );
    }),
    { numRuns: Number(process.env.TOKLIGENCE_TEST_FLEET_FUZZ_RUNS ?? 150) },
  );
  await until(() => sockets() <= before);
  assert.deepEqual(good.ended, []);
});

// ---- the end of a connection

test('what was said before a connection is closed arrives, also while the other end keeps talking', async t => {
  const conductor = await startConductor(t, {
    onSaid: link => {
      link.send({ t: 'elsewhere', epoch: 9, conductor: null });
      link.close();
    },
  });
  const member = startMember(t, conductor.listed);
  await member.settled();
  for (let i = 0; i < 1_000; i++) member.call.send(beat(i));
  await until(() => member.ended.length > 0);
  assert.deepEqual(member.heard, [{ t: 'elsewhere', epoch: 9, conductor: null }]);
  assert.equal(conductor.heard.length, 1);
  assert.deepEqual(conductor.ended, []);
});

test('whoever does not read is not waited for longer than two seconds when its connection is closed', async t => {
  const clock = new ManualClock();
  const conductor = await startConductor(t, { own: { clock }, bounds: { mostUnwrittenBytes: 2 ** 30 } });
  const peer = await openPeer(t, conductor.listed.url, peerOf(conductor.listed.url));
  await until(() => conductor.links.length > 0);
  peer.socket.pause();
  for (let i = 0; i < 200; i++) conductor.links[0]?.send({ t: 'answer', ask: i, value: 'x'.repeat(100_000) });
  conductor.links[0]?.close();
  assert.equal(clock.pending, 1);
  clock.advance(2_000);
  peer.socket.resume();
  await peer.closed;
  assert.equal(clock.pending, 0);
});

test('a member that hangs up is not told of its own end; its last words arrive', async t => {
  const conductor = await startConductor(t);
  const member = startMember(t, conductor.listed);
  await member.settled();
  member.call.send({ t: 'goodbye' });
  member.call.close();
  await until(() => conductor.ended.length > 0);
  assert.deepEqual(
    conductor.heard.map(({ message }) => message.t),
    ['goodbye'],
  );
  assert.deepEqual(member.ended, []);
});

test('a call that is given up before it is open says nothing more', async t => {
  const conductor = await startConductor(t);
  const member = startMember(t, conductor.listed);
  member.call.close();
  const next = startMember(t, conductor.listed);
  await next.settled();
  assert.deepEqual([member.isOpen, member.ended], [false, []]);
});

test('a listener that closes leaves no connection behind', async t => {
  const conductor = await startConductor(t);
  const member = startMember(t, conductor.listed);
  await member.settled();
  const silent = await openRaw(t, conductor.listed.url);
  await conductor.listener.close();
  await silent.closed;
  await until(() => member.ended.length > 0);
  assert.equal(member.ended[0]?.how, 'lost');
});

// ---- proof of death

test('an address that refuses proves that its process is gone; one that accepts does not', async t => {
  const conductor = await startConductor(t);
  const own = ownOf();
  assert.equal(await knock(own, conductor.listed, never), 'lost');
  await conductor.listener.close();
  assert.equal(await knock(own, conductor.listed, never), 'refused');
  const member = startMember(t, conductor.listed);
  await member.settled();
  assert.equal(member.ended[0]?.how, 'refused');
});

test('another process of the fleet at that address proves that the first is gone; anything else does not', async t => {
  const first = await startConductor(t);
  await first.listener.close();
  const port = Number(new URL(first.listed.url).port);
  const second = await startConductor(t, { port });
  assert.equal(await knock(ownOf(), first.listed, never), 'another');
  const member = startMember(t, first.listed);
  await member.settled();
  assert.deepEqual([member.isOpen, member.ended[0]?.how], [false, 'another']);
  await second.listener.close();
  await startConductor(t, { port, own: { fleet: 'other' } });
  assert.equal(await knock(ownOf(), first.listed, never), 'lost');
});

test('a process that is stopped, whose system accepts for it, is not gone', async t => {
  const clock = new ManualClock();
  const url = await startRaw(t, () => {});
  const knocked = knock(ownOf({ clock }), listedAs(ownOf(), url), never);
  await until(() => clock.pending === 1);
  clock.advance(2_000);
  assert.equal(await knocked, 'lost');
});

test('who stands in between cannot lead a knock to another process', async t => {
  const other = await startConductor(t);
  const way = await startTcpWay(t, other.listed.url.replace('tcp:', 'http:'));
  const gone = listedAs(ownOf(), `${way.url.replace('http:', 'tcp:')}?at=here`);
  assert.equal(await knock(ownOf(), gone, never), 'lost');
});

for (const [what, at, how] of [
  ['127.0.0.1 of this machine', 'tcp://127.0.0.1:PORT?at=here', 'refused'],
  ['127.0.0.1 of another machine', 'tcp://127.0.0.1:PORT?at=there', 'lost'],
  ['127.0.0.1 of nobody knows which', 'tcp://127.0.0.1:PORT', 'lost'],
  ['a name, which may lead elsewhere by now', 'tcp://localhost:PORT?at=here', 'lost'],
  ['no address', 'http://127.0.0.1:PORT', 'lost'],
  ['no port', 'tcp://127.0.0.1', 'lost'],
  ['::1 of another machine', 'tcp://[::1]:PORT?at=there', 'lost'],
] as const) {
  test(`a refusal proves only what the address means: ${what}`, async t => {
    const conductor = await startConductor(t);
    await conductor.listener.close();
    const url = at.replace('PORT', new URL(conductor.listed.url).port);
    assert.equal(await knock(ownOf(), listedAs(ownOf(), url), never), how);
  });
}

test('a knock that is given up ends at once', async t => {
  const url = await startRaw(t, () => {});
  const leave = new AbortController();
  const knocked = knock(ownOf(), listedAs(ownOf(), url), leave.signal);
  leave.abort();
  assert.equal(await knocked, 'lost');
});
