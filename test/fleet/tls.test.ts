// Whole gateways that talk TLS to each other, with certificates of one authority.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { arrangeFleet, assertSound, figure, sinceMs } from '../support/fleet-case.ts';
import { certificates } from '../support/fleet-certificates.ts';
import { createKey, livingOf, rolesOf, startFleetGateway, untilOrdered } from '../support/fleet-gateways.ts';
import { bad, mixed, startLoad, untilServed } from '../support/fleet-requests.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

async function certificateLines(t: TestContext, name: keyof typeof certificates): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  t.after(() => rm(folder, { recursive: true }));
  const { cert, key, ca } = certificates[name];
  const files = { cert_file: cert, key_file: key, ca_file: ca };
  await Promise.all(Object.entries(files).map(([key, text]) => writeFile(join(folder, key), text)));
  return Object.keys(files)
    .map(key => `${key} = ${join(folder, key)}`)
    .join('\n');
}

test('a fleet with certificates: kill -9 and SIGTERM of its conductor; one without a certificate does not join', async t => {
  const [one, two] = await Promise.all([certificateLines(t, 'one'), certificateLines(t, 'two')]);
  const database = await freshDatabase(t);
  const fleet = await arrangeFleet(t, { count: 3, on: database, clusterOf: at => (at % 2 === 0 ? one : two) });
  const { upstream, seats, gateways } = fleet;
  const { conductor } = await rolesOf(gateways);
  for (const { url } of (await conductor.shown()).members) assert.match(url, /^tls:/);
  // They find no conductor, so they are never ready.
  const options = { database: database.url, upstream, seats, started: 'other gateways reach this one' };
  const strangers = await Promise.all([
    startFleetGateway(t, 'without', options),
    startFleetGateway(t, 'another-authority', { ...options, cluster: await certificateLines(t, 'stranger') }),
  ]);
  for (const { url, daemon } of strangers) {
    await until(async () => (await fetch(`${url}/readyz`)).status === 503);
    daemon.signal('SIGKILL');
    await daemon.exited;
  }
  await untilOrdered(gateways);
  const load = startLoad(gateways, seats, mixed([await createKey(conductor), await createKey(conductor)]));
  for (const { name } of gateways) await untilServed(load.answers, name, 10);
  conductor.daemon.signal('SIGKILL');
  await conductor.daemon.exited;
  const at = performance.now();
  const seen = upstream.requests.length;
  await until(() => upstream.requests.length > seen + seats);
  figure(t, `TLS, kill -9 of the conductor: until ${seats + 1} grants`, sinceMs(at), { unit: 'ms', atMost: 1_000 });
  for (const { name } of livingOf(gateways)) await untilServed(load.answers, name, 10);
  await load.stop();
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== conductor.name),
    [],
  );
  await untilOrdered(gateways);
  const next = (await rolesOf(gateways)).conductor;
  next.daemon.signal('SIGTERM');
  assert.equal(await next.daemon.exited, 0);
  await untilOrdered(gateways);
  await assertSound(t, 'TLS', fleet);
});
