import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { speaks } from '../../src/fleet/link/handshake.ts';
import { listedAs, ownOf, secret, startConductor, startMember } from '../support/fleet-link.ts';
import { batch, frame, isProofOf, openPeer, rawOn, sealed, startRaw } from '../support/fleet-peer.ts';
import { conductorOf1, kindsOfConductor1, kindsOfMember1, memberOf1 } from '../support/fleet-recording.ts';
import { until } from '../support/until.ts';

const only1 = { oldest: 1, newest: 1 };

test('the versions that are spoken include the one before', () => {
  assert.ok(speaks.oldest <= Math.max(1, speaks.newest - 1));
});

for (const [what, own] of [
  ['today’s gateway', speaks],
  ['the next one', { oldest: 1, newest: 2 }],
] as const) {
  test(`a member of protocol 1 is understood by ${what}`, async t => {
    const conductor = await startConductor(t, { own: { speaks: own } });
    const { url } = conductor.listed;
    const is = { secret, fleet: 'main', at: url, member: '5c0de5a2-3c1f-4c8e-8d39-6d2f9f3a7b10', speaks: only1 };
    const peer = await openPeer(t, url, is);
    peer.socket.write(memberOf1);
    await until(() => conductor.heard.length === kindsOfMember1.length || conductor.ended.length > 0);
    assert.deepEqual(conductor.ended, []);
    assert.deepEqual(
      conductor.heard.map(({ message }) => message.t),
      kindsOfMember1,
    );
    assert.equal(conductor.links[0]?.peer.version, 1);
    assert.equal(conductor.links[0]?.passedOver, 0);
  });
}

/** A conductor of protocol 1. */
const startOlder = (t: TestContext, id: string): Promise<string> =>
  startRaw(t, async socket => {
    const peer = rawOn(socket);
    const opening = await peer.frame();
    const nonce = randomBytes(32).toString('base64url');
    const said = { member: id, epoch: 3, speaks: only1, nonce };
    const challenge = sealed(secret, 'challenge', opening.subarray(0, 32), said);
    socket.write(frame(challenge));
    assert.ok(isProofOf(secret, challenge, await peer.frame()));
    socket.write(conductorOf1);
  });

test('a conductor of protocol 1 is understood', async t => {
  const conductor = ownOf();
  const member = startMember(t, listedAs(conductor, await startOlder(t, conductor.id)));
  await until(() => member.heard.length === kindsOfConductor1.length || member.ended.length > 0);
  assert.deepEqual(member.ended, []);
  assert.deepEqual(
    member.heard.map(({ t: kind }) => kind),
    kindsOfConductor1,
  );
});

test('kinds and fields of a newer version are passed over and counted; what is known is heard', async t => {
  const conductor = await startConductor(t);
  const { url } = conductor.listed;
  const is = { secret, fleet: 'main', at: url, member: '5c0de5a2-3c1f-4c8e-8d39-6d2f9f3a7b10' };
  const peer = await openPeer(t, url, { ...is, speaks: { oldest: 1, newest: 2 } });
  const beat = { t: 'beat', beat: 1, answers: null, isLeaving: false, mood: 'fine' };
  peer.socket.write(batch({ t: 'lease', seats: -1 }, beat, { t: 'lease' }));
  await until(() => conductor.heard.length === 1 && conductor.links[0]?.passedOver === 2);
  assert.deepEqual(conductor.ended, []);
});

for (const [what, own, other, who] of [
  ['too old', { oldest: 1, newest: 1 }, { oldest: 2, newest: 3 }, 'this one'],
  ['too new', { oldest: 3, newest: 4 }, { oldest: 1, newest: 2 }, 'the other'],
] as const) {
  test(`a member that is ${what} does not join, and says what it needs`, async t => {
    const conductor = await startConductor(t, { own: { speaks: other } });
    const member = startMember(t, conductor.listed, { own: { speaks: own } });
    await member.settled();
    assert.deepEqual([member.isOpen, member.ended[0]?.how], [false, 'lost']);
    const needs = own.oldest === own.newest ? `needs in version ${own.newest}` : `needs in versions ${own.oldest} to`;
    assert.match(member.ended[0]?.why ?? '', new RegExp(`${needs}.*upgrade ${who} first, one version at a time`));
    assert.equal(conductor.links.length, 0);
  });
}
