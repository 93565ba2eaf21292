import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { browserTest, openConsole } from '../support/browser.ts';
import type { TestGateway } from '../support/gateway.ts';

const base = '/admin/api-key-priority';

async function add({ admin }: TestGateway, pattern: string, priority: number, tenant_id: string): Promise<void> {
  const mapping = { match_type: 'prefix', pattern, priority, tenant_id, tenant_type: 'external' };
  const { status } = await admin('POST', `${base}/mappings`, mapping);
  assert.equal(status, 201);
}

const station = (page: Page, name: string) => page.getByRole('listitem', { name });

async function ask(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key', { exact: true }).fill(key);
  await page.keyboard.press('Enter');
}

browserTest('each station on the way to a priority says what it did, and the deciding one stands out', async t => {
  const { page, visit, gateway, context } = await openConsole(t);
  await add(gateway, 'tok_ext*', 5, 'ext');
  await add(gateway, 'tok_ext_free*', 8, 'ext-free');
  await gateway.admin('PUT', `${base}/config`, { x_priority: 'lower' });
  const key = await gateway.createKey('ext_free');
  await visit('/explain');

  await ask(page, key);
  await station(page, 'Mapping: decides').waitFor();
  await station(page, 'X-Priority header: passes on').getByText('The request sends none.').waitFor();
  await station(page, 'Mapping: decides').getByText('Match too, and lose: #2 (P8)').waitFor();
  const outcome = station(page, 'A request gets');
  assert.match(await outcome.innerText(), /P5[\s\S]*ext/);
  await page.getByRole('row', { name: /tok_ext_free\* .*P8 is worse than P5 of mapping #1/ }).waitFor();

  const [user] = (await gateway.admin('GET', '/admin/users?role=gateway_user')).body.users;
  const link = outcome.getByRole('link', { name: user.email });
  assert.equal(await link.getAttribute('href'), `/console/users?q=${encodeURIComponent(user.email)}`);

  await page.getByRole('combobox', { name: 'X-Priority' }).click();
  await page.getByRole('option', { name: 'P7' }).click();
  await page.getByRole('button', { name: 'Explain' }).click();
  await station(page, 'X-Priority header: decides').getByText('The request asks for P7, and gets it.').waitFor();

  await ask(page, 'tok_of_nobody');
  await station(page, 'Default: not needed').waitFor();
  await page.getByText('none: no active key of this gateway').waitFor();

  // Nothing of the key remains.
  assert.ok(!page.url().includes('tok_'));
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  assert.ok(!kept.includes('tok_'));
  assert.ok(!gateway.log.some(line => line.includes(key)));
  assert.ok((await context.cookies()).every(({ value }) => !value.includes('tok_')));
});

browserTest(
  'of a beginning it says what is unknown, and what enforcing would give while mapping is a shadow',
  async t => {
    const { page, visit, gateway } = await openConsole(t);
    await add(gateway, 'tok_prod*', 1, 'prod');
    await gateway.admin('PUT', `${base}/config`, { mode: 'shadow', default_priority: 6 });
    await visit('/explain?key_prefix=tok_');
    await page.getByText('Mapping is a shadow').waitFor();
    await station(page, 'Mapping: takes no part').getByText('It may be: #1 (P1)').waitFor();
    await page.getByRole('row', { name: /tok_prod\*.*may win.*Unknown: may match/ }).waitFor();
    const outcome = station(page, 'A request gets');
    assert.match(await outcome.innerText(), /P6[\s\S]*If mappings were enforced[\s\S]*depends on the rest/);

    await page.getByLabel('The key begins with').fill('tok_prod_1');
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: /tok_prod\*.*would win/ }).waitFor();
    assert.match(await outcome.innerText(), /If mappings were enforced[\s\S]*P1[\s\S]*prod/);
    await page.getByRole('link', { name: 'tok_prod*' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Mappings' }).waitFor();
    assert.match(page.url(), /\/mappings\?q=tok_prod/);
  },
);

browserTest('Personal says that Team explains keys', async t => {
  const { page, visit } = await openConsole(t, { edition: 'personal' });
  await visit('/explain');
  await page.getByText('The Team edition has this').waitFor();
});
