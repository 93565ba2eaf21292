import assert from 'node:assert/strict';
import { browserTest, newContext, openConsole, signIn } from '../support/browser.ts';

browserTest('settings of mapping are changed for the next request, refused at their field, and go back', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const key = await gateway.createKey();
  const levelNow = async () => (await gateway.chat(key)).headers.get('x-tokligence-priority');
  assert.equal(await levelNow(), '7');
  await visit('/settings');
  await page.getByLabel('Cache TTL').fill('0');
  await page.getByRole('combobox', { name: 'Default priority' }).click();
  await page.getByRole('option', { name: 'P3' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(/cache_ttl_sec must be a whole number of seconds from 1 to 86400/).waitFor();
  assert.equal(await page.getByLabel('Cache TTL').getAttribute('aria-invalid'), 'true');
  assert.equal(await levelNow(), '7');
  await page.getByLabel('Cache TTL').fill('120');
  await page.getByRole('button', { name: 'Save' }).press('Enter');
  await page.getByText('Saved.').waitFor();
  assert.equal(await levelNow(), '3');

  await page.getByRole('button', { name: 'Default priority: back to the configured value' }).click();
  await page.getByText('Default priority is as configured again.').waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Default priority' }).inputValue(), 'P7');
  assert.equal(await levelNow(), '7');
  const { source } = (await gateway.admin('GET', '/admin/api-key-priority/config')).body;
  assert.deepEqual([source.default_priority, source.cache_ttl_sec], ['default', 'database']);
});

browserTest('saving one setting does not undo another that somebody else has changed meanwhile', async t => {
  const { page, visit, gateway } = await openConsole(t);
  await visit('/settings');
  await page.getByLabel('Cache TTL').fill('120');
  await gateway.admin('PUT', '/admin/api-key-priority/config', { default_priority: 4 });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'Default priority' }).inputValue(), 'P4');
  assert.equal(await page.getByRole('button', { name: 'Save' }).isDisabled(), true);
});

browserTest(
  'Personal has session, language, colours and version; signing out everywhere ends every session',
  async t => {
    const { page, visit, context, gateway } = await openConsole(t, { edition: 'personal' });
    const elsewhere = await newContext(t);
    await signIn(elsewhere, gateway.url);
    const other = await elsewhere.newPage();
    await other.goto(`${gateway.url}/console/settings`);
    await other.getByText('admin@local').waitFor();
    await visit('/settings');
    await page.getByText('admin@local').waitFor();
    await page.getByText('Personal', { exact: true }).nth(1).waitFor();
    assert.equal(await page.getByText('Mapping of API keys').count(), 0);
    await page.getByText('中文').click();
    await page.getByRole('heading', { name: '设置' }).waitFor();
    await page.getByText('English').click();
    await page.getByText('Dark', { exact: true }).click();
    assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark');
    const document = await context.request.get(
      await page.getByRole('link', { name: /OpenAPI/ }).evaluate(a => (a as HTMLAnchorElement).href),
    );
    assert.equal(document.status(), 200);

    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByLabel('Admin key').waitFor();
    await other.goto(page.url());
    await other.getByLabel('Admin key').waitFor();
  },
);
