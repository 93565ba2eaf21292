import assert from 'node:assert/strict';
import { adminKey } from '../support/admin-key.ts';
import { browserTest, openConsole } from '../support/browser.ts';

browserTest('an admin signs in with a key, sees the lanes, and signs out', async t => {
  const { page, visit } = await openConsole(t, { signedIn: false });
  await visit('/');
  await page.getByLabel('Admin key').fill('tok_nobody_has_this_key_0123456789');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByText(/API key/)
    .first()
    .waitFor();

  await page.getByLabel('Admin key').fill(adminKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Lanes' }).waitFor();
  const [cookie] = await page.context().cookies();
  assert.equal(cookie?.httpOnly, true);
  assert.equal(cookie?.sameSite, 'Strict');

  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await page.getByLabel('Admin key').waitFor();
  await page.reload();
  await page.getByLabel('Admin key').waitFor();
});

browserTest(
  'requests that a page sends by itself are marked unattended after a minute without input, until the next input',
  async t => {
    const { page, visit } = await openConsole(t);
    await page.clock.install();
    await visit('/api-keys');
    await page.getByText('1–1 of 1').waitFor();
    const unattendedAfter = async (ms: number) => {
      const asked = page.waitForRequest(/\/admin\/api-keys\?/);
      await page.clock.fastForward(ms);
      const request = await asked;
      await request.response();
      return request.headers()['x-tokligence-unattended'];
    };
    assert.equal(await unattendedAfter(15_000), undefined);
    assert.equal(await unattendedAfter(60_000), '1');
    await page.mouse.move(300, 300);
    assert.equal(await unattendedAfter(15_000), undefined);
  },
);
