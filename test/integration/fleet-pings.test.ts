import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberSide } from '../../src/fleet/member.ts';
import { Reign } from '../../src/fleet/reign/reign.ts';
import { timesOf } from '../../src/fleet/reign/times.ts';
import { bounds, listedAs, ownOf, startConductor } from '../support/fleet-link.ts';
import { until } from '../support/until.ts';

test('a member says that it answers pings, and does so without its timer', async t => {
  const conductor = await startConductor(t);
  const own = ownOf();
  const self = listedAs(own, 'tcp://127.0.0.1:1');
  const times = timesOf({ ttlMs: 5_000, deadAfterMs: 15_000, abandonedAfterMs: 60_000, outageMaxMs: null });
  const reign = new Reign({ self, times, chance: () => 1 });
  const told: string[] = [];
  const duties = {
    pools: () => ['gpu'],
    brings: () => [],
    tickets: () => [],
    endpoints: () => [],
    told: ({ t: kind }: { readonly t: string }) => void told.push(kind),
  };
  const member = new MemberSide({ own, reign, bounds, perform: () => {}, duties, onEnded: () => {} });
  t.after(() => member.close());
  member.perform({ do: 'connect', to: conductor.listed, generation: 1 });
  await until(() => conductor.links.length === 1);
  const hello = { epoch: 1, beat: 1, member: self, isLeaving: false };
  member.perform({ do: 'greet', generation: 1, hello });
  await until(() => conductor.heard.length === 1);
  const [first] = conductor.heard;
  assert.ok(first?.message.t === 'hello');
  assert.equal(first.message.answersPings, true);
  for (const _ of [1, 2]) conductor.links[0]?.send({ t: 'ping' });
  await until(() => conductor.heard.length === 3);
  assert.deepEqual(
    conductor.heard.slice(1).map(({ message }) => message),
    [{ t: 'pong' }, { t: 'pong' }],
  );
  assert.deepEqual(told, []);
});
