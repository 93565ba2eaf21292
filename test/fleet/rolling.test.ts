// A rolling restart behind a real HAProxy, as in docs/operate.md: no client sees anything but its answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeFleet, assertSound, type CaseOptions, type FleetCase, figure } from '../support/fleet-case.ts';
import { createKey, type FleetGateway, startFleetGateway, untilOrdered } from '../support/fleet-gateways.ts';
import { reignsOf } from '../support/fleet-reigns.ts';
import { freePort } from '../support/free-port.ts';
import { type Balancer, startHaproxy, withoutHaproxy } from '../support/haproxy.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const count = 4;
const gatewayLines = (port: number) => `port = ${port}\nshutdown_grace_sec = 60`;

interface Seen {
  readonly status: number;
  readonly isWhole: boolean;
  /** The address of the gateway that answered. */
  readonly server: string;
}

/** Through the balancer: clients of all levels, a third of them with streams, each asking again once it is answered. */
function startClients(balancer: Balancer, keys: readonly string[], clients: number) {
  const seen: Seen[] = [];
  let isOver = false;
  let nth = 0;
  const client = async () => {
    while (!isOver) {
      const at = nth++;
      const stream = at % 3 === 0;
      const answer = await balancer.send('/v1/chat/completions', {
        headers: {
          authorization: `Bearer ${keys[at % keys.length]}`,
          'content-type': 'application/json',
          'x-priority': String(at % 10),
        },
        body: JSON.stringify({ model: 'm', stream, user: 'any', messages: [{ role: 'user', content: 'through' }] }),
      });
      const body = await answer.body.text();
      const isWhole = !stream || body.includes('[DONE]');
      seen.push({ status: answer.statusCode, isWhole, server: String(answer.headers['x-server']) });
    }
  };
  const all = Array.from({ length: clients }, client);
  const stop = async () => {
    isOver = true;
    await Promise.all(all);
  };
  return { seen, stop };
}

const untilAnsweredBy = async (seen: readonly Seen[], { url }: FleetGateway) => {
  const before = seen.length;
  await until(() => seen.slice(before).filter(({ server }) => server === new URL(url).host).length >= 5);
};

test('a rolling restart of four gateways behind HAProxy, under load at twice the capacity', {
  skip: withoutHaproxy,
}, async t => {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const database = await freshDatabase(t);
  const options: CaseOptions = {
    ...{ count, on: database, pool: 'queue_drain_sec = 30' },
    gatewayOf: at => gatewayLines(ports[at] ?? 0),
  };
  const arranged = await arrangeFleet(t, options);
  const gateways = [...arranged.gateways];
  const fleet: FleetCase = { ...arranged, gateways };
  const balancer = await startHaproxy(
    t,
    gateways.map(({ url }) => url),
  );
  const [first] = gateways;
  assert.ok(first);
  const keys = await Promise.all([createKey(first), createKey(first), createKey(first)]);
  const { seen, stop } = startClients(balancer, keys, 2 * fleet.seats);
  for (const [at, old] of arranged.gateways.entries()) {
    await untilAnsweredBy(seen, old);
    old.daemon.signal('SIGTERM');
    assert.equal(await old.daemon.exited, 0);
    const { upstream, seats } = fleet;
    const next = {
      database: database.url,
      upstream,
      seats,
      pool: options.pool ?? '',
      gateway: gatewayLines(ports[at] ?? 0),
    };
    const young = await startFleetGateway(t, `${old.name}-again`, next);
    gateways.push(young);
    await untilOrdered(gateways);
    await untilAnsweredBy(seen, young);
  }
  await stop();
  const notServed = seen.filter(({ status, isWhole }) => status !== 200 || !isWhole);
  figure(t, `rolling restart: of ${seen.length} answers, other than 200 or not whole`, notServed.length, { atMost: 0 });
  figure(t, 'rolling restart: elections, the first one included', reignsOf(gateways).length, { atMost: count + 1 });
  await assertSound(t, 'rolling restart', fleet);
});
