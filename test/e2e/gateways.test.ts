import assert from 'node:assert/strict';
import type { FleetShown } from '../../src/http/admin/contract/fleet.ts';
import { browserTest, openConsole, seriousFaults } from '../support/browser.ts';

const ini = '[provider.local]\ntype = loopback\n';

browserTest('a gateway of its own shows itself, and that it belongs to no fleet', async t => {
  const { page, visit, gateway } = await openConsole(t, { ini: `${ini}[cluster]\nenabled = false\n` });
  const [{ name, version }] = (await gateway.admin('GET', '/admin/fleet')).body.members;
  await visit('/gateways');
  await page.getByRole('heading', { name: 'No fleet' }).waitFor();
  const row = page.getByRole('row', { name });
  assert.match(await row.innerText(), new RegExp(`Conductor\\s+0\\s+–\\s+${RegExp.escape(version)}`));
});

const member = (
  name: string,
  role: FleetShown['members'][number]['role'],
  last_beat_ms: number | null,
  seats: number | null = 3,
) => ({
  member_id: `${name}0000000-0000-4000-8000-000000000000`,
  name: `gateway-${name}`,
  url: 'tcp://10.0.0.5:8090',
  version: '1.2.3',
  role,
  seats,
  last_beat_ms,
});

/** All roles, which one gateway cannot have by itself. */
const shown: FleetShown = {
  fleet: 'eu-1',
  epoch: 8_123_456,
  conductor: '10000000-0000-4000-8000-000000000000',
  members: [
    member('1', 'conductor', null),
    member('2', 'member', 420),
    member('3', 'candidate', 3_200),
    member('4', 'isolated', null, null),
  ],
};

browserTest('a fleet is a table of its gateways, with their roles and when they were heard', async t => {
  const { page, visit } = await openConsole(t, { ini });
  await page.route('**/admin/fleet', route => route.fulfill({ json: shown }));
  await visit('/gateways');
  await page.getByRole('heading', { name: 'Fleet eu-1' }).waitFor();
  const rows = await page.getByRole('row').allInnerTexts();
  const said = [
    /gateway-1.*Conductor.*–/s,
    /gateway-2.*Member.*420 ms/s,
    /gateway-3.*Looks for.*3\.2 s/s,
    /Isolated.*–\s+–/s,
  ];
  assert.equal(rows.length, 1 + said.length);
  for (const [at, pattern] of said.entries()) assert.match(rows[at + 1] ?? '', pattern);
  assert.deepEqual(await seriousFaults(page), []);
});

browserTest('a phone shows who conducts and who has which seats without scrolling sideways', async t => {
  const { page, visit } = await openConsole(t, { ini, width: 390, height: 844 });
  const url = `tcp://127.0.0.1:33615?at=${'0'.repeat(32)}`;
  const members = shown.members.map(member => ({ ...member, url }));
  await page.route('**/admin/fleet', route => route.fulfill({ json: { ...shown, members } }));
  await visit('/gateways');
  const row = page.getByRole('row', { name: 'gateway-1' });
  await row.getByText('Conductor').filter({ visible: true }).waitFor();
  assert.match(await row.innerText(), /tcp:\/\/127\.0\.0\.1:33615\s/);
  const seats = await row.getByRole('cell', { name: '3', exact: true }).boundingBox();
  assert.ok(seats !== null && seats.x + seats.width <= 390, JSON.stringify(seats));
});

browserTest('the lanes and the providers say what of a fleet is not known, rather than zeros', async t => {
  const { page, visit } = await openConsole(t, { ini });
  const fleet = (conductor: string | null, missing: string[]) => ({
    conductor,
    complete: false,
    missing,
    reason: 'Why',
  });
  const chosen = { policy: 'allow', external_may_raise: null, raised: [], raised_by_others: 0 };
  const lanes = { at: '2026-11-30T12:00:00.000Z', database: 'ready', database_reasons: [], pools: [], boosts: [] };
  const event = { ...lanes, x_priority: chosen, fleet: fleet(null, []) };
  await page.route('**/admin/scheduler/stream', route =>
    route.fulfill({ contentType: 'text/event-stream', body: `event: lanes\ndata: ${JSON.stringify(event)}\n\n` }),
  );
  await visit('/');
  await page.getByRole('alert').filter({ hasText: 'No gateway conducts the fleet at present' }).waitFor();
  assert.equal(await page.getByText('No provider is configured').count(), 0);
  await page.route('**/admin/providers', route =>
    route.fulfill({
      json: { providers: [], stores_keys: true, fleet: fleet('gateway-1', ['gateway-2', 'gateway-3']) },
    }),
  );
  await visit('/providers');
  await page.getByRole('alert').filter({ hasText: 'Not heard at present: gateway-2, gateway-3' }).waitFor();
  assert.deepEqual(await seriousFaults(page), []);
});
