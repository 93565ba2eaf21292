import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { browserTest, newContext, openConsole, signIn } from '../support/browser.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const secret = 'sk-of-the-vendor-0123456789';
const masterKey = { TOKLIGENCE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') };

async function startStoring(t: TestContext, { ini = '', env = masterKey as Record<string, string> } = {}) {
  return startGateway(t, { database: (await freshDatabase(t)).url, ini, env });
}

/** Lists two models, and serves whoever has the key. */
const startVendor = (t: TestContext): Promise<FakeUpstream> =>
  startFakeUpstream(t, ({ url, headers }) => {
    if (headers.authorization !== `Bearer ${secret}`)
      return { status: 401, body: { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } } };
    return url.endsWith('/models') ? { body: { data: [{ id: 'gpt-4.1' }, { id: 'o3' }] } } : {};
  });

const providerOf = async (gateway: TestGateway, name: string) =>
  (await gateway.admin('GET', `/admin/providers/${name}`)).body;

browserTest('the wizard leads from nothing to a request that is served; each fault stands at its field', async t => {
  const [vendor, gateway] = [await startVendor(t), await startStoring(t)];
  const { page, visit } = await openConsole(t, { gateway });
  await visit('/providers');
  await page.getByText('No provider is configured.').waitFor();
  await page.getByRole('button', { name: 'Add provider' }).press('Enter');
  const panel = page.getByRole('dialog', { name: 'Add provider' });
  const next = (name: string) => panel.getByRole('button', { name, exact: true }).click();
  const urls = panel.getByLabel('Base URLs');

  await panel.getByLabel('Name').fill('vendor');
  await urls.fill('vendor/v1');
  await next('Ask for its models');
  await panel.getByText(/must be/).waitFor();
  assert.equal(await urls.getAttribute('aria-invalid'), 'true');
  await urls.fill('http://127.0.0.1:1/v1');
  await next('Ask for its models');
  await panel.getByText(/127\.0\.0\.1:1\/v1: .*ECONNREFUSED/).waitFor();
  await urls.fill(`${vendor.url}/v1`);
  await panel.getByLabel('API key').fill('sk-wrong-0123456789');
  await next('Ask for its models');
  await panel.getByText(/\/v1: .*401/).waitFor();
  assert.equal(await panel.getByLabel('API key').getAttribute('aria-invalid'), 'true');

  await panel.getByLabel('API key').fill(secret);
  await next('Ask for its models');
  await panel.getByText('It lists 2 models: gpt-4.1, o3').waitFor();
  await next('Take all of them');
  await next('Next');
  await panel.getByLabel('Seats per endpoint').fill('none');
  await next('Next');
  // What the gateway refuses later is shown in the step of the field.
  await next('Send one request');
  await panel.getByText(/max_concurrent must be/).waitFor();
  await panel.getByLabel('Seats per endpoint').fill('3');
  await next('Back');
  await panel.getByText('o3', { exact: true }).waitFor();
  await next('Next');
  await next('Next');
  assert.equal(await panel.getByLabel('Model', { exact: true }).inputValue(), 'gpt-4.1');
  await next('Send one request');
  await panel.getByText(/has answered 200/).waitFor();
  assert.equal((await gateway.admin('GET', '/admin/providers')).body.providers.length, 0, 'nothing is stored yet');
  await next('Save');
  await panel.waitFor({ state: 'detached' });
  await page.getByRole('row').filter({ hasText: 'vendor' }).getByText('1 Up').waitFor();
  const { settings, keys } = await providerOf(gateway, 'vendor');
  assert.deepEqual([settings.models, settings.max_concurrent, keys.length], ['gpt-4.1, o3', '3', 1]);
  assert.equal((await gateway.chat(await gateway.createKey(), { model: 'o3' })).status, 200);
  assert.ok(!(await page.content()).includes(secret), 'the key is shown nowhere');
});
browserTest('models that an upstream has closed are counted, and named where one points', async t => {
  const upstream = await startFakeUpstream(t, { status: 429, headers: { 'retry-after': '600' }, body: {} });
  const vendor = `[provider.vendor]\ntype = openai\nbase_url = ${upstream.url}/v1`;
  const { page, visit, gateway } = await openConsole(t, { ini: vendor });
  const key = await gateway.createKey();
  for (const model of ['gpt-4.1', 'o3']) assert.equal((await gateway.chat(key, { model })).status, 429);
  await visit('/providers');
  await page.getByText('2 models closed').hover();
  await page.getByText(/^(gpt-4\.1, o3|o3, gpt-4\.1)$/).waitFor();
});

browserTest('endpoints are shown with their state, and a root admin drains one and puts it back', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gpu = `[provider.gpu]\ntype = openai\nbase_url = ${one.url}/v1, ${two.url}/v1`;
  const { page, visit, gateway } = await openConsole(t, { ini: gpu });
  await visit('/providers');
  await page.getByRole('cell', { name: '0 / 16', exact: true }).waitFor();
  two.reply({ hold: true });
  one.reply({ hold: true });
  const answer = gateway.chat(await gateway.createKey());
  await page.getByRole('cell', { name: '1 / 16', exact: true }).waitFor();
  for (const upstream of [one, two]) upstream.open();
  await (await answer).text();
  await page.getByRole('button', { name: 'gpu', exact: true }).click();
  await page.getByRole('button', { name: `Drain ${two.url}` }).click();
  await page.getByRole('dialog').getByText('Drained', { exact: true }).waitFor();
  const states = async () =>
    (await gateway.admin('GET', '/admin/providers')).body.providers[0].endpoints.map((one: any) => one.state);
  assert.deepEqual(await states(), ['up', 'drained']);
  await page.getByRole('button', { name: `Resume ${two.url}` }).click();
  await until(async () => (await states()).every((state: string) => state === 'up'));
});

browserTest('a provider tells how it does', async t => {
  const ini = '[provider.local]\ntype = loopback\nservice_ms = 1\nmax_concurrent = 4';
  const { page, visit, gateway } = await openConsole(t, { ini });
  await visit('/providers');
  const row = page.getByRole('row').filter({ hasText: 'loopback' });
  await row.getByText('Unknown').waitFor();
  await row.getByText('0 requests').waitFor();
  await (await gateway.chat(await gateway.createKey())).text();
  await page.reload();
  await row.getByText('OK').waitFor();
  await row.getByText('1 request').waitFor();
  await row.getByText(/second|now/).waitFor();
});

browserTest(
  'a provider of the file is edited, gets a key, is switched off and on, and is as the file says again',
  async t => {
    const vendor = await startVendor(t);
    const ini = `[provider.vendor]\ntype = openai\nbase_url = ${vendor.url}/v1\nmax_concurrent = 5`;
    const gateway = await startStoring(t, { ini });
    const { page, visit } = await openConsole(t, { gateway });
    await visit('/providers?edit=vendor');
    const panel = page.getByRole('dialog', { name: 'vendor', exact: true });
    await panel.getByText(/stands in the configuration/).waitFor();
    assert.equal(await panel.getByRole('button', { name: 'Delete' }).count(), 0);

    const fingerprints = async () =>
      (await providerOf(gateway, 'vendor')).keys.map((key: { fingerprint: string }) => key.fingerprint);
    await panel.getByLabel('New key').fill('a key');
    await panel.getByRole('button', { name: 'Add key' }).click();
    await panel.getByText(/must be visible characters/).waitFor();
    await panel.getByLabel('New key').fill(secret);
    await panel.getByRole('button', { name: 'Add key' }).press('Enter');
    await panel.getByText('In use', { exact: true }).waitFor();
    assert.equal(await panel.getByLabel('New key').inputValue(), '');
    assert.equal((await gateway.chat(await gateway.createKey(), { model: 'o3' })).status, 200);
    await panel.getByRole('button', { name: /^Set aside/ }).click();
    await page.getByText('vendor: none of its keys can be used.').waitFor();
    await panel.getByLabel('New key').fill('sk-of-another-project-0123');
    await panel.getByRole('button', { name: 'Add key' }).press('Enter');
    const [first] = await fingerprints();
    await panel.getByRole('button', { name: `Set aside ${first}` }).click();
    await panel.getByText(/set aside by an admin/).waitFor();
    await panel.getByRole('button', { name: `Use ${first} again` }).click();
    await panel.getByRole('button', { name: `Set aside ${first}` }).waitFor();
    await panel.getByLabel('New key').fill(secret);
    await panel.getByRole('switch', { name: 'Replaces all other keys' }).click();
    await panel.getByRole('button', { name: 'Add key' }).click();
    await until(async () => (await fingerprints()).length === 1);

    await panel.getByRole('button', { name: 'Edit' }).click();
    const form = page.getByRole('dialog', { name: 'Edit vendor' });
    await form.getByLabel('Seats per endpoint').fill('0');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText(/max_concurrent must be/).waitFor();
    await form.getByLabel('Seats per endpoint').fill('9');
    await form.getByRole('button', { name: 'Save' }).click();
    await panel.getByRole('cell', { name: '0 / 9', exact: true }).waitFor();
    assert.equal((await providerOf(gateway, 'vendor')).settings.max_concurrent, '9');

    await panel.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('dialog', { name: 'Disable vendor' }).getByRole('button', { name: 'Disable' }).click();
    await panel.getByRole('button', { name: 'Enable' }).click();
    await panel.getByRole('button', { name: 'Disable' }).waitFor();
    await panel.getByRole('button', { name: /^Remove/ }).click();
    await page
      .getByRole('dialog', { name: /^Remove/ })
      .getByRole('button', { name: 'Remove' })
      .click();
    await panel.getByText(/None is stored/).waitFor();
    await panel.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog', { name: 'Delete vendor' }).getByRole('button', { name: 'Delete' }).click();
    await panel.waitFor({ state: 'detached' });
    const { source, settings } = await providerOf(gateway, 'vendor');
    assert.deepEqual([source, settings.max_concurrent], ['file', '5']);
  },
);

browserTest('without a master key the wizard says what to do, and stores what needs no key', async t => {
  const gateway = await startStoring(t, { env: {} });
  const open = await startFakeUpstream(t, ({ url }) => (url.endsWith('/models') ? { body: { data: [] } } : {}));
  const { page, visit } = await openConsole(t, { gateway });
  await visit('/providers');
  await page.getByRole('button', { name: 'Add provider' }).click();
  const panel = page.getByRole('dialog', { name: 'Add provider' });
  await panel.getByText(/Set TOKLIGENCE_MASTER_KEY or TOKLIGENCE_MASTER_KEY_FILE/).waitFor();
  assert.equal(await panel.getByLabel('API key').count(), 0);
  await panel.getByLabel('Name').fill('gpu');
  await panel.getByLabel('Base URLs').fill(`${open.url}/v1`);
  for (const name of ['Ask for its models', 'Next', 'Next', 'Save without a trial'])
    await panel.getByRole('button', { name, exact: true }).click();
  await panel.waitFor({ state: 'detached' });
  assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
});

browserTest('a route is added with its faults at its fields, explained, changed, switched off and deleted', async t => {
  const ini = ['gpu', 'cloud'].map(name => `[provider.${name}]\ntype = loopback\nservice_ms = 1`).join('\n');
  const gateway = await startStoring(t, { ini });
  const { page, visit } = await openConsole(t, { gateway });
  await visit('/routes');
  await page.getByText('No name has a route of its own.').waitFor();
  await page.getByRole('button', { name: 'Add route' }).click();
  const form = page.getByRole('dialog', { name: 'Add route' });
  await form.getByLabel('Name').fill('llama-70b');
  const targets = form.getByRole('combobox', { name: 'Targets' });
  await targets.fill('gp');
  await page.getByRole('option', { name: 'gpu', exact: true }).click();
  await targets.fill('nobody:m');
  await targets.press('Enter');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText(/names no provider: there are cloud, gpu|names no provider: there are gpu, cloud/).waitFor();
  await targets.press('Backspace');
  await targets.fill('cloud:llama-3.3*3 | gpu:llama*1');
  await targets.press('Enter');
  await form.getByLabel('Overflow after (s)').fill('2');
  await form.getByLabel('Levels that overflow').fill('0-2');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'detached' });
  const row = page.getByRole('row').filter({ hasText: 'llama-70b' });
  await row.getByText('P0, P1, P2 after 2 s').waitFor();
  await row.getByText('cloud: llama-3.3 × 3').waitFor();

  await row.getByRole('button', { name: 'Edit llama-70b' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit llama-70b' });
  await edit.getByRole('combobox', { name: 'Aliases' }).fill('default');
  await edit.getByRole('combobox', { name: 'Aliases' }).press('Enter');
  await edit.getByRole('button', { name: 'Save' }).click();
  await row.getByText('also default').waitFor();
  await row.getByRole('link', { name: 'Explain llama-70b' }).click();
  assert.equal(await page.getByLabel('Model').inputValue(), 'llama-70b');

  await visit('/routes');
  await page.getByRole('button', { name: 'Edit llama-70b' }).click();
  await edit.getByRole('switch', { name: 'In service' }).click();
  await edit.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('region', { name: 'Disabled' }).getByRole('button', { name: 'llama-70b' }).click();
  await edit.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Delete llama-70b' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('region', { name: 'Disabled' }).waitFor({ state: 'detached' });
  assert.equal((await gateway.admin('GET', '/admin/routes/llama-70b')).status, 404);
});

browserTest('a gateway admin sees providers and routes and may change none', async t => {
  const upstream = await startFakeUpstream(t);
  const ini = `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n[model.m]\ntargets = gpu:there`;
  const gateway = await startStoring(t, { ini });
  const peer = await gateway.admin('POST', '/admin/users', { email: 'ops@example.com', role: 'gateway_admin' });
  const { key } = (await gateway.admin('POST', '/admin/api-keys', { user_id: peer.body.id })).body;
  const context = await newContext(t);
  await signIn(context, gateway.url, key);
  const page = await context.newPage();
  await page.goto(`${gateway.url}/console/providers`);
  await page.getByText(/Root admins of a Team gateway/).waitFor();
  await page.getByRole('button', { name: 'gpu', exact: true }).click();
  const panel = page.getByRole('dialog', { name: 'gpu' });
  await panel.getByText(upstream.url, { exact: true }).waitFor();
  assert.equal(await panel.getByRole('button', { name: /Drain|Edit|Disable|Add key/ }).count(), 0);
  await page.goto(`${gateway.url}/console/routes`);
  await page.getByText('gpu: there').waitFor();
  assert.equal(await page.getByRole('button', { name: /Add|Edit/ }).count(), 0);
});
