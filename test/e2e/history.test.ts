import assert from 'node:assert/strict';
import { browserTest, openConsole } from '../support/browser.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const mappings = '/admin/api-key-priority/mappings';
const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\n';
const free = { match_type: 'prefix', pattern: 'tok_free*', priority: 8, tenant_id: 'free', tenant_type: 'external' };

browserTest('a change by the API and one by SQL are told, filtered, and restored', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { database: database.url, ini });
  const { page, visit } = await openConsole(t, { gateway });
  const { admin } = gateway;
  await admin('POST', mappings, free);
  await admin('PUT', `${mappings}/1`, { priority: 2 });
  await database.query("UPDATE api_key_priority_mappings SET tenant_name = 'By hand'");
  await visit('/history');
  const row = (text: string | RegExp) => page.getByRole('row').filter({ hasText: text });
  await row('tenant_name – → By hand')
    .getByText(/by SQL as/)
    .waitFor();
  await row('priority P8 → P2').getByText('by the API').waitFor();
  await row('created').waitFor();

  await page.getByPlaceholder('Kind of change').click();
  await page.getByRole('option', { name: 'created' }).click();
  await row('priority P8 → P2').waitFor({ state: 'detached' });
  assert.match(page.url(), /kind=create/);

  await row('created').getByRole('button', { name: 'Mapping #1' }).click();
  const panel = page.getByRole('dialog', { name: /Mapping 1/ }).first();
  await panel.getByRole('row', { name: /pattern .*tok_free/ }).waitFor();
  await panel.getByRole('button', { name: 'Restore' }).click();
  const question = page.getByRole('dialog', { name: 'Restore: Mapping 1' });
  await question.getByRole('row', { name: /priority .*P2 .*P8/ }).waitFor();
  await question.getByRole('row', { name: /tenant_name .*By hand/ }).waitFor();
  await question.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('Mapping 1 is as it was after entry 1.').waitFor();
  const { body } = await admin('GET', `${mappings}/1`);
  assert.deepEqual([body.priority, body.tenant_name], [8, null]);

  await page.getByRole('link', { name: /To entry 4/ }).click();
  await row('restores #1').waitFor();
  assert.match(page.url(), /object=mapping&object_id=1/);
});

browserTest('an entry that cannot be restored says why; a span that is empty says so', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const { admin } = gateway;
  await admin('POST', mappings, free);
  await admin('PUT', `${mappings}/1`, { pattern: 'tok_gratis*' });
  await admin('POST', mappings, free);
  await visit('/history?object_id=1&kind=create');
  await page.getByRole('button', { name: 'Mapping #1' }).click();
  await page.getByRole('button', { name: 'Restore' }).click();
  const question = page.getByRole('dialog', { name: 'Restore: Mapping 1' });
  await question.waitFor();
  await page.keyboard.press('Escape');
  await question.waitFor({ state: 'detached' });
  // That Escape closed the question only; the entry is still open.
  await page.getByRole('button', { name: 'Restore' }).click();
  await question.getByRole('button', { name: 'Restore' }).click();
  await page.getByRole('alert').getByText('Mapping 2 already has this pattern.').waitFor();
  await page.keyboard.press('Escape');

  await visit('/history?to=2020-01-01T00:00:00.000Z');
  await page.getByText('Nothing matches the filters.').waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await until(async () => (await page.getByRole('button', { name: 'Mapping #1' }).count()) === 2);
});

browserTest('filters are cleared together with what was typed a moment ago', async t => {
  const { page, visit } = await openConsole(t);
  await visit('/history?kind=create');
  const [object, who] = ['Its id, key or POOL/KEY', 'E-mail or database role'].map(name =>
    page.getByRole('searchbox', { name, exact: true }),
  );
  await object?.fill('typed');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  assert.equal(await object?.inputValue(), '');
  // Text that is typed later is sent later.
  await who?.fill('nobody');
  await page.waitForURL(/actor=nobody/);
  assert.equal(new URL(page.url()).search, '?actor=nobody');
});

browserTest('Personal says that Team has a history', async t => {
  const { page, visit } = await openConsole(t, { edition: 'personal' });
  await visit('/history');
  await page.getByText('The Team edition has this').waitFor();
});
