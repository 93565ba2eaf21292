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

browserTest('of a model it says where the requests go, and whether they spill at their level', async t => {
  const ini =
    '[provider.local]\ntype = loopback\n[provider.far]\ntype = loopback\n[provider.near]\ntype = loopback\n' +
    '[model.big]\ntargets = local:x*3 | near, far\naliases = gpt-4o\nspill_after_sec = 2\nspill_levels = 0-1';
  const { page, visit } = await openConsole(t, { ini });
  await visit('/explain?key_prefix=tok_');
  const route = page.getByRole('region', { name: 'Where the requests go' });
  await page.getByLabel('Model').fill('gpt-4o');
  await page.getByRole('button', { name: 'Explain' }).click();
  await route.getByText('gpt-4o is an alias of the route big.').waitFor();
  await route.getByText('local as x, pool local · 3 of 4 requests').waitFor();
  await route.getByText('far as big, pool far', { exact: true }).waitFor();
  await route
    .getByText('A request of P7 waits for its target. Only P0, P1 may go to the next one, after 2 s.')
    .waitFor();

  await page.getByRole('combobox', { name: 'X-Priority' }).click();
  await page.getByRole('option', { name: 'P1' }).click();
  await page.getByLabel('Model').fill('other');
  await page.getByRole('button', { name: 'Explain' }).click();
  await route.getByText('No route is called other, so the first provider serves it whose models match.').waitFor();
});

browserTest('Personal says that Team explains keys', async t => {
  const { page, visit } = await openConsole(t, { edition: 'personal' });
  await visit('/explain');
  await page.getByText('The Team edition has this').waitFor();
});
