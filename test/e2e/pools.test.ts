import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { browserTest, openConsole } from '../support/browser.ts';
import type { TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const ini = `[provider.local]
type = loopback
service_ms = 60000
max_concurrent = 4
[pool.local]
queue_drain_sec = 0
weights = 9,9,9,9,9,9,9,9,9,9`;

/** Sends requests of P7 that hold their seats, or wait for one, until the test ends. */
async function holdP7(t: TestContext, gateway: TestGateway, count: number): Promise<void> {
  const key = await gateway.createKey();
  const ending = new AbortController();
  t.after(() => ending.abort());
  for (let sent = 0; sent < count; sent++) void gateway.chat(key, { signal: ending.signal }).catch(() => {});
}

browserTest('policy, weights and reserved seats are changed live, and go back to the file', async t => {
  const { page, visit, gateway } = await openConsole(t, { ini });
  const stored = async () => (await gateway.admin('GET', '/admin/scheduler/pools/local')).body;
  await visit('/pools');
  await page.getByRole('button', { name: 'Change pool local' }).click();
  const panel = page.getByRole('dialog', { name: 'Change pool local' });
  await panel.getByRole('combobox', { name: 'Policy' }).click();
  await page.getByRole('option', { name: /^strict/ }).click();
  await panel.getByLabel('Weights, P0').fill('20.5');
  await panel.getByLabel('Reserved seats, P0').fill('4');
  await panel.getByRole('button', { name: 'Save' }).click();
  // The gateway's words appear at the field, and the focus moves there.
  const reserved = panel.getByRole('group', { name: 'Reserved seats' });
  await reserved.getByText(/adds up to 4; must be fewer than the 4 seats/).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Reserved seats, P0');
  await panel.getByLabel('Reserved seats, P0').fill('3');
  await panel.getByLabel('Queue timeout (s), all levels').fill('45');
  await panel.getByRole('button', { name: 'Save' }).click();
  await panel.waitFor({ state: 'detached' });
  await page.getByText('The better level first, always').waitFor();
  const { policy, weights, reserved: kept, queue_timeout_sec, source } = await stored();
  assert.deepEqual([policy, weights[0], weights[1], kept[0], queue_timeout_sec[9]], ['strict', 20.5, 9, 3, 45]);
  assert.deepEqual([source.policy, source.cap, source.aimd], ['database', 'default', 'default']);

  // Three of four seats are reserved for P0 now: one request of P7 runs, the others wait.
  await holdP7(t, gateway, 3);
  await until(async () => (await gateway.pool()).levels[7].waiting === 2);
  assert.equal((await gateway.pool()).in_use, 1);
  await page.getByRole('button', { name: 'Change pool local' }).click();
  await panel.getByRole('button', { name: 'Reserved seats: back to the configured value' }).click();
  await until(async () => (await gateway.pool()).levels[7].running === 3);
  await panel.getByRole('button', { name: 'Weights: back to the configured value' }).click();
  await panel.getByRole('button', { name: 'Weights: back to the configured value' }).waitFor({ state: 'detached' });
  await until(async () => (await panel.getByLabel('Weights, P0').inputValue()) === '9');
  assert.equal(await panel.getByLabel('Reserved seats, P0').inputValue(), '0');
  assert.equal((await stored()).source.weights, 'file');
});

browserTest('a schedule and a fault of a pool are told', async t => {
  const { page, visit, gateway } = await openConsole(t, { ini: ini.replace('60000', '1') });
  const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
  const schedule = { key: 'policy', value: 'wfq', weekdays: week, start: '00:00', end: '00:00', zone: 'UTC' };
  await gateway.admin('POST', '/admin/scheduler/pools/local/schedules', schedule);
  await visit('/pools');
  const card = page.getByRole('region', { name: /^local/ });
  await card.getByRole('alert').getByText('Policy').waitFor();
  await card.getByText('by weight', { exact: true }).waitFor();
});

browserTest('on a phone the ten numbers wrap, and Personal changes pools as well', async t => {
  const { page, visit, gateway } = await openConsole(t, { edition: 'personal', width: 390, height: 844 });
  await visit('/pools');
  await page.getByRole('button', { name: 'Change pool local' }).click();
  const panel = page.getByRole('dialog', { name: 'Change pool local' });
  await panel.getByLabel('Cap, P9').fill('2');
  const widths = await panel.evaluate(element => [element.scrollWidth, element.clientWidth]);
  assert.ok((widths[0] ?? 0) <= (widths[1] ?? 0), `the panel is ${widths[0]} px wide`);
  await panel.getByRole('button', { name: 'Save' }).press('Enter');
  await panel.waitFor({ state: 'detached' });
  const { cap } = (await gateway.admin('GET', '/admin/scheduler/pools/local')).body;
  assert.deepEqual(cap, [4, 4, 4, 4, 4, 4, 4, 4, 4, 2]);
});
