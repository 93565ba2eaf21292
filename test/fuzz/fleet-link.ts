/**
 * A conductor's listener under strangers and broken members: valid frames after random changes, before and behind the proof.
 * After every step a sound member is heard as always, and in the end nothing is left open.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../bench/sim/random.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { Call } from '../../src/fleet/link/call.ts';
import { listen } from '../../src/fleet/link/listener.ts';
import { type Downward, readDownward, readUpward, type Upward } from '../../src/fleet/messages/messages.ts';
import { isQuestion, readAbout, readItem } from '../../src/fleet/messages/questions.ts';
import { bounds, listedAs, ownOf, secret } from '../support/fleet-link.ts';
import { batch, frame, openingOf, proofOf, rawOn } from '../support/fleet-peer.ts';
import { memberOf1, memberOf1Since } from '../support/fleet-recording.ts';
import { type Campaign, Finding, type Running } from './campaign.ts';
import { mutated } from './mutate.ts';

export const fleetLink: Campaign = { name: 'fleet-link', share: 1, start };

const perStep = 10;
const words = [
  '[',
  ']',
  '{',
  '"',
  '1e999',
  '-1',
  'null',
  '\u0000\u0000\u0000\u0001',
  '\u0000',
  '\u00ff',
  '{"t":"beat"',
];

const questions = batch(
  { t: 'ask', ask: 1, what: 'waiting', about: { pool: 'gpu', level: 3, limit: 100 } },
  { t: 'ask', ask: 2, what: 'lanes', about: { after: 7 } },
  { t: 'answer', ask: 3, value: { provider: 'gpu', tally: { requests: 1, failures: 0 } }, more: true },
);

async function start(): Promise<Running> {
  const own = ownOf();
  const beats = new Map<string, number>();
  const listener = await listen<Upward, Downward>({
    own,
    host: '127.0.0.1',
    port: 0,
    advertise: null,
    read: readUpward,
    bounds,
    warn: sentence => assert.fail(sentence),
    attend: ({ peer }) => ({
      said: message => {
        if (message.t === 'beat') beats.set(peer.id, message.beat);
        if (message.t === 'ask' && isQuestion(message.what)) readAbout(message.what, message.about);
        if (message.t === 'answer') readItem('tallies', message.value);
      },
      ended: () => beats.delete(peer.id),
    }),
  });
  const good = ownOf();
  const opened = Promise.withResolvers<void>();
  const call = new Call<Downward, Upward>({
    own: good,
    to: listedAs(own, listener.url),
    generation: 1,
    read: readDownward,
    bounds,
    events: { opened: opened.resolve, said: () => {}, ended: (_, why) => opened.reject(new Error(why)) },
  });
  await opened.promise;
  const is = { secret, fleet: 'main', at: listener.url, member: randomUUID() };
  const seeds = [
    memberOf1,
    memberOf1Since,
    questions,
    batch({ t: 'goodbye' }),
    frame(openingOf(is)),
    frame(Buffer.alloc(32)),
  ];
  let said = 0;

  const attack = async (random: Random) => {
    const bytes = mutated({ seeds, words }, random);
    const socket = connect({ port: Number(new URL(listener.url).port), host: '127.0.0.1' });
    await once(socket, 'connect');
    const peer = rawOn(socket);
    if (random.integer(2) === 0) {
      socket.write(frame(openingOf({ ...is, member: randomUUID() })));
      socket.write(frame(proofOf(secret, await peer.frame())));
    }
    socket.end(bytes);
    await peer.closed;
    call.send({ t: 'beat', beat: ++said, answers: null, isLeaving: false });
    const deadline = systemClock.now() + 5_000;
    while (beats.get(good.id) !== said) {
      if (systemClock.now() > deadline) throw new Finding('a sound member is not heard any more', bytes);
      await pause(0);
    }
  };
  return {
    step: async random => {
      for (let i = 0; i < perStep; i++) await attack(random);
      return perStep;
    },
    stop: async () => {
      call.close();
      await listener.close();
      assert.ok(beats.size <= 1, `${beats.size} members are left`);
    },
  };
}
