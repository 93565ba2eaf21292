import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { browserTest, openConsole } from '../support/browser.ts';

/** Returns everything that the page's scripts hold in memory, as one text. */
async function memoryOf(page: Page): Promise<string> {
  const devtools = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  devtools.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await devtools.detach();
  return chunks.join('');
}

browserTest('a key is shown once, serves, tells when it was used, and is revoked for the next request', async t => {
  const { page, visit, gateway } = await openConsole(t);
  for (const name of ['ann', 'bob']) {
    await gateway.admin('POST', '/admin/users', { email: `${name}@example.com`, role: 'gateway_user' });
  }
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await visit('/api-keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const panel = page.getByRole('dialog', { name: 'New key' });
  await panel.getByRole('combobox', { name: 'User' }).fill('bob');
  await page.getByRole('option', { name: 'bob@example.com' }).click();
  await panel.getByLabel('Prefix').fill('Prod!');
  await panel.getByLabel('Scopes').fill('chat');
  await panel.getByLabel('Scopes').press('Enter');
  await panel.getByRole('button', { name: 'Create' }).click();
  await panel.getByText(/prefix must be 1 to 32 of a-z/).waitFor();
  await panel.getByLabel('Prefix').fill('prod');
  await panel.getByRole('button', { name: 'Create' }).click();

  const shown = page.getByRole('dialog', { name: 'The new key' });
  const key = await shown.getByLabel('Key').inputValue();
  assert.match(key, /^tok_prod_[\w-]{43}$/);
  await shown.getByText('For bob@example.com.').waitFor();
  await page.keyboard.press('Enter');
  await shown.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  const asked = page.waitForEvent('dialog');
  await page.evaluate(() => void setTimeout(() => location.reload()));
  const question = await asked;
  assert.equal(question.type(), 'beforeunload');
  await question.dismiss();
  assert.equal(await shown.isVisible(), true);
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await shown.getByRole('button', { name: 'I have stored the key' }).click();
  await shown.waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(key) && !page.url().includes(key));
  const memory = await memoryOf(page);
  assert.ok(memory.includes('bob@example.com'), 'the search through the memory finds nothing at all');
  assert.ok(!memory.includes(key), 'the key is still in memory');

  const row = page.getByRole('row').filter({ hasText: key.slice(0, 12) });
  await row.getByText('not since start').waitFor();
  await row.getByText('chat').waitFor();
  assert.equal((await gateway.chat(key)).status, 200);
  await page.reload();
  await row
    .getByText(/second|now/)
    .nth(1)
    .waitFor();

  await row.getByRole('button', { name: `Revoke ${key.slice(0, 12)}… of bob@example.com` }).click();
  await page.getByText('of bob@example.com stops working').waitFor();
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  await row.waitFor({ state: 'detached' });
  assert.equal((await gateway.chat(key)).status, 401);
});

browserTest(
  'keys are found by their beginning and by their user; without a clipboard the key selects itself',
  async t => {
    const { page, visit, gateway } = await openConsole(t);
    await gateway.createKey('alpha');
    await gateway.createKey('beta');
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined }));
    await visit('/api-keys');
    await page.getByText('1–3 of 3').waitFor();
    await page.getByLabel('Search by the beginning of a key').fill('tok_beta');
    await page.getByText('1–1 of 1').waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByRole('combobox', { name: 'User' }).fill('admin');
    await page.getByRole('option', { name: 'admin@local' }).click();
    await page.getByText('1–1 of 1').waitFor();
    await page.getByRole('button', { name: 'New key' }).click();
    const panel = page.getByRole('dialog', { name: 'New key' });
    // The filtered user is the preset owner of the new key; its end is chosen in local time.
    assert.equal(await panel.getByRole('combobox', { name: 'User' }).inputValue(), 'admin@local');
    await panel.getByRole('button', { name: 'Expires' }).click();
    await page.getByRole('button', { name: 'Next month' }).click();
    await page.locator('[data-dates-dropdown] button, .mantine-DateTimePicker-day').filter({ hasText: /^15$/ }).click();
    await page.keyboard.press('Escape');
    await panel.getByRole('button', { name: 'Create' }).click();
    const shown = page.getByRole('dialog', { name: 'The new key' });
    await shown.getByRole('button', { name: 'Select all' }).click();
    const field = shown.getByLabel('Key');
    assert.equal(await page.evaluate(() => String(getSelection())), await field.inputValue());
    await shown.getByRole('button', { name: 'I have stored the key' }).click();
    await page.getByText('1–2 of 2').waitFor();
    const { api_keys } = (await gateway.admin('GET', '/admin/api-keys?user_id=1')).body;
    assert.match(api_keys[1].expires_at, /-15T/);
  },
);
