/** A whole key that is entered anywhere in the console reaches no address, no request and no store of the browser. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { browserTest, openConsole, seriousFaults } from '../support/browser.ts';
import { until } from '../support/until.ts';

/** Records all requests of the page and all its addresses, from now on. */
function watch(page: Page): { readonly requests: readonly string[]; readonly addresses: readonly string[] } {
  const requests: string[] = [];
  const addresses: string[] = [];
  page.on('request', request => {
    requests.push([request.method(), request.url(), JSON.stringify(request.headers()), request.postData()].join(' '));
  });
  page.on('framenavigated', frame => addresses.push(frame.url()));
  return { requests, addresses };
}

/** Browsers do this for pages that come neither over https nor from this machine. */
const withoutOwnHash = () => Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined });

const stored = (page: Page) =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]));

for (const secure of [true, false])
  browserTest(
    `a whole key is looked up by its hash${secure ? '' : ', also where the browser lends none'}, and revoked`,
    async t => {
      const { page, visit, gateway } = await openConsole(t, { scheme: secure ? 'light' : 'dark' });
      const key = await gateway.createKey('prod');
      const other = await gateway.createKey('dev');
      await (await gateway.chat(key)).text();
      if (!secure) await page.addInitScript(withoutOwnHash);
      await visit('/api-keys');
      const seen = watch(page);
      const search = page.getByLabel('Search by the beginning of a key');
      await search.fill(key);
      const found = page.getByRole('region', { name: 'A whole key' });
      await found.getByText('Active', { exact: true }).waitFor();
      await found.getByText(/^user-.*@example\.com$/).waitFor();
      await found.getByText(/Last used.*(second|now)/).waitFor();
      await page.getByText('1–3 of 3').waitFor();
      assert.deepEqual(await seriousFaults(page), []);

      await found.getByRole('button', { name: /^Revoke tok_prod_/ }).click();
      await page.getByRole('button', { name: 'Revoke', exact: true }).click();
      await found.getByText(/has no such key/).waitFor();
      assert.equal((await gateway.chat(key)).status, 401);
      await search.fill(other);
      await found.getByText('not since start').waitFor();
      await page.getByRole('button', { name: 'Clear the search' }).click();
      await found.waitFor({ state: 'detached' });

      assert.ok(seen.requests.some(request => /^POST \S+\/admin\/api-keys\/lookup /.test(request)));
      const everything = [...seen.requests, ...seen.addresses, page.url(), await stored(page), ...gateway.log].join(
        '\n',
      );
      for (const secret of [key, other])
        for (let end = 13; end <= secret.length; end++)
          assert.ok(!everything.includes(secret.slice(0, end)), String(end));
    },
  );

browserTest('typed letter by letter, no more of a key than its stored beginning is searched for', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const key = await gateway.createKey('prod');
  await visit('/api-keys');
  const seen = watch(page);
  const search = page.getByLabel('Search by the beginning of a key');
  await search.pressSequentially(key.slice(0, 12));
  await page.getByText('1–1 of 1').waitFor();
  assert.ok(page.url().endsWith(`?q=${key.slice(0, 12)}`));
  await search.pressSequentially(key.slice(12));
  await page.getByRole('region', { name: 'A whole key' }).getByText('Active', { exact: true }).waitFor();
  assert.equal(await search.inputValue(), key);
  assert.ok(!page.url().includes('q='), page.url());
  assert.ok(!seen.requests.join('\n').includes(key.slice(0, 13)));
  await search.fill(key.slice(0, 8));
  await page.getByText('1–1 of 1').waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByText('1–2 of 2').waitFor();
});

/** Every other search box, with its label. */
const boxes = [
  ['/users', 'Search e-mail or name'],
  ['/mappings', 'Search pattern, tenant, description'],
  ['/history', 'Its id, key or POOL/KEY'],
  ['/history', 'E-mail or database role'],
] as const;

browserTest('every other search says that it takes no key, and asks for nothing', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const key = await gateway.createKey('prod');
  const seen = watch(page);
  const refusal = /This may be a key, and is not searched for/;
  for (const [path, name] of boxes) {
    await visit(path);
    const box = page.getByRole('searchbox', { name });
    await box.fill(key);
    await page.getByText(refusal).waitFor();
    await box.fill('nobody-of-this-name');
    await page.waitForURL(/nobody-of-this-name/);
    assert.equal(await page.getByText(refusal).count(), 0);
  }
  await visit('/api-keys');
  await page.getByRole('combobox', { name: 'User' }).fill(key);
  await page.getByText(refusal).waitFor();
  await visit('/');
  await page.getByRole('button', { name: 'Find a request' }).click();
  await page.getByRole('textbox', { name: 'Request id' }).fill(key);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByText(refusal).waitFor();
  await until(() => seen.requests.length > 0);
  assert.ok(![...seen.requests, ...seen.addresses, page.url(), ...gateway.log].join('\n').includes(key.slice(0, 13)));
});

browserTest(
  'explain sends the key in the body of its one request, and an exact mapping is stored by its hash',
  async t => {
    const { page, visit, gateway } = await openConsole(t);
    const key = await gateway.createKey('prod');
    await page.addInitScript(withoutOwnHash);
    await visit('/explain');
    const seen = watch(page);
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('A request gets').waitFor();
    const carriers = seen.requests.filter(request => request.includes(key));
    assert.equal(carriers.length, 1);
    const [method = '', address = '', ...rest] = carriers[0]?.split(' ') ?? [];
    assert.deepEqual([method, address], ['POST', `${gateway.url}/admin/api-key-priority/explain`]);
    assert.match(rest.join(' '), /"key":"tok_prod_/);

    await visit('/mappings');
    await page.getByRole('button', { name: 'New mapping' }).first().click();
    const panel = page.getByRole('dialog', { name: 'New mapping' });
    await panel.getByRole('combobox', { name: 'Match type' }).click();
    await page.getByRole('option', { name: 'Exact' }).click();
    await panel.getByLabel('Pattern').fill(key);
    await panel.getByRole('combobox', { name: 'Priority' }).click();
    await page.getByRole('option', { name: /P2/ }).click();
    await panel.getByRole('button', { name: 'Create' }).click();
    await panel.waitFor({ state: 'detached' });
    const { mappings } = (await gateway.admin('GET', '/admin/api-key-priority/mappings')).body;
    assert.match(mappings[0].pattern, /^sha256:[0-9a-f]{64}$/);
    assert.equal((await gateway.chat(key)).headers.get('x-tokligence-priority'), '2', 'it is the hash of this key');
    assert.equal(seen.requests.filter(request => request.includes(key)).length, 1);
    assert.ok(!gateway.log.join('\n').includes(key));
  },
);
