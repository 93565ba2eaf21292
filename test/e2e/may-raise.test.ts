/** External tenants that may choose their own level by X-Priority: the console warns, and links to the setting. */
import assert from 'node:assert/strict';
import { browserTest, openConsole, seriousFaults } from '../support/browser.ts';

browserTest(
  'lanes and mappings say that external tenants may raise themselves, until the policy is another',
  async t => {
    const { page, visit, gateway } = await openConsole(t, { scheme: 'dark' });
    const mapping = {
      pattern: 'tok_shop_*',
      match_type: 'prefix',
      priority: 5,
      tenant_id: 'shop',
      tenant_type: 'external',
    };
    await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
    const key = await gateway.createKey('shop');
    await (await gateway.chat(key, { priority: '0' })).text();
    const notice = page.getByText(/External tenants that may take any level by sending X-Priority: 1/);

    await visit('/');
    await notice.waitFor();
    await page.getByText('Requests that took a better level than their own, since the start: shop 1').waitFor();
    assert.deepEqual(await seriousFaults(page), []);
    await visit('/mappings');
    await notice.waitFor();
    await page.getByRole('row', { name: /shop/ }).getByText('1 raised').waitFor();
    await page.getByRole('link', { name: 'To the settings' }).click();
    await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();

    await gateway.admin('PUT', '/admin/api-key-priority/config', { x_priority: 'internal' });
    for (const path of ['/mappings', '/']) {
      await visit(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page
        .getByText(path === '/' ? 'Nobody has asked for anything in the last minute.' : 'tok_shop_*')
        .or(page.getByText('shop'))
        .first()
        .waitFor();
      assert.equal(await notice.count(), 0);
    }
  },
);
