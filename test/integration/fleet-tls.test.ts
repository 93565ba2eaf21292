import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { knock } from '../../src/fleet/link/call.ts';
import type { Upward } from '../../src/fleet/messages/messages.ts';
import { certificates } from '../support/fleet-certificates.ts';
import { listedAs, ownOf, startConductor, startMember } from '../support/fleet-link.ts';
import { openPeer, openRaw } from '../support/fleet-peer.ts';
import { freePort } from '../support/free-port.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const { one, two, expired, stranger } = certificates;
const goodbye: Upward = { t: 'goodbye' };
const never = new AbortController().signal;

test('with certificates of one authority member and conductor hear each other, encrypted', async t => {
  const conductor = await startConductor(t, { own: { certificate: one } });
  assert.match(conductor.listed.url, /^tls:/);
  const member = startMember(t, conductor.listed, { own: { certificate: two } });
  await member.settled();
  member.call.send(goodbye);
  await until(() => conductor.heard.length === 1);
  assert.equal(conductor.heard[0]?.from, member.own.id);
  conductor.links[0]?.send({ t: 'beat', beat: 1, answers: 0 });
  await until(() => member.heard.length === 1);
});

for (const [what, certificate, why] of [
  ['of another authority', stranger, /certificate/i],
  ['that has expired', expired, /closes the connection|expired|alert|lost/i],
] as const) {
  test(`a member with a certificate ${what} is not heard, whatever secret it knows`, async t => {
    const conductor = await startConductor(t, { own: { certificate: one } });
    const member = startMember(t, conductor.listed, { own: { certificate } });
    await until(() => member.ended.length > 0);
    assert.equal(member.ended[0]?.how, 'lost');
    assert.match(member.ended[0]?.why ?? '', why);
    assert.equal(conductor.links.length, 0);
  });

  test(`a conductor with a certificate ${what} is not believed, whatever secret it knows`, async t => {
    const conductor = await startConductor(t, { own: { certificate } });
    const member = startMember(t, conductor.listed, { own: { certificate: one } });
    await member.settled();
    assert.deepEqual([member.isOpen, member.ended[0]?.how], [false, 'lost']);
    assert.equal(conductor.links.length, 0);
  });
}

test('whoever has no certificate does not reach one who has, and is told so; nor the other way round', async t => {
  const encrypted = await startConductor(t, { own: { certificate: one } });
  const plain = await startConductor(t);
  const without = startMember(t, encrypted.listed);
  const withOne = startMember(t, plain.listed, { own: { certificate: two } });
  for (const member of [without, withOne]) {
    await member.settled();
    assert.equal(member.isOpen, false);
  }
  assert.match(without.ended[0]?.why ?? '', /it has a certificate, and this one has none/);
  assert.match(withOne.ended[0]?.why ?? '', /it has no certificate/);
  // A member of an older configuration that does not look at the address.
  const blind = await openRaw(t, encrypted.listed.url);
  blind.socket.write(Buffer.alloc(100, 7));
  await blind.closed;
  assert.deepEqual([encrypted.links.length, plain.links.length], [0, 0]);
});

/** Decrypts and encrypts again with a certificate of the same authority. */
async function startMiddle(t: TestContext, to: string): Promise<string> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<TLSSocket>();
  const tls = { ...two, minVersion: 'TLSv1.3', rejectUnauthorized: false } as const;
  const server = createServer({ ...tls, requestCert: true }, near => {
    const far = connect({ ...tls, host: hostname, port: Number(port) });
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `tls://127.0.0.1:${(server.address() as AddressInfo).port}?at=here`;
}

test('whoever stands in between, even with a certificate of the fleet, is found out: the channels differ', async t => {
  const port = await freePort();
  const middle = await startMiddle(t, `tls://127.0.0.1:${port}`);
  // The conductor advertises the address of the one in between, so that only the channel can tell.
  const conductor = await startConductor(t, {
    port,
    own: { certificate: one },
    advertise: { host: '127.0.0.1', port: Number(new URL(middle).port) },
  });
  assert.equal(conductor.listed.url, middle);
  const member = startMember(t, conductor.listed, { own: { certificate: one } });
  await member.settled();
  assert.equal(member.isOpen, false);
  assert.equal(conductor.links.length, 0);
});

test('an address that refuses proves that its process is gone, with certificates too, and without one', async t => {
  const conductor = await startConductor(t, { own: { certificate: one } });
  const [own, without] = [ownOf({ certificate: two }), ownOf()];
  assert.equal(await knock(own, conductor.listed, never), 'lost');
  assert.equal(await knock(without, conductor.listed, never), 'lost');
  await conductor.listener.close();
  assert.equal(await knock(own, conductor.listed, never), 'refused');
  assert.equal(await knock(without, conductor.listed, never), 'refused');
  const another = await startConductor(t, {
    own: { certificate: one },
    port: Number(new URL(conductor.listed.url).port),
  });
  assert.equal(await knock(own, listedAs(ownOf(), another.listed.url), never), 'another');
});

test('a stranger that does not even begin to encrypt is closed after two seconds', async t => {
  const clock = new ManualClock();
  const conductor = await startConductor(t, { own: { certificate: one, clock } });
  const silent = await openRaw(t, conductor.listed.url);
  await until(() => clock.pending === 1);
  clock.advance(2_000);
  await silent.closed;
  assert.equal(silent.received.length, 0);
});

test('one that speaks without TLS to a listener with a certificate gets nowhere, with the right secret', async t => {
  const conductor = await startConductor(t, { own: { certificate: one } });
  const { secret, fleet, id } = conductor.own;
  const peer = openPeer(t, conductor.listed.url, { secret: secret(), fleet, at: conductor.listed.url, member: id });
  await assert.rejects(peer);
  assert.equal(conductor.links.length, 0);
});
