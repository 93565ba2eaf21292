/** Accessibility of the panels and dialogs over a page, in both colour schemes. */
import assert from 'node:assert/strict';
import { browserTest, openConsole, seriousFaults } from '../support/browser.ts';
import { startFilledGateway } from '../support/filled-gateway.ts';

/** Page, button, and the entry of the button's menu. */
const panels = [
  ['/', 'Find a request'],
  ['/mappings', 'New mapping'],
  ['/mappings', /^More for mapping/, 'Boost'],
  ['/mappings', 'Change Default priority'],
  ['/schedules', 'New schedule'],
  ['/users', 'New user'],
  ['/api-keys', 'New key'],
  ['/pools', /^Change pool/],
  ['/providers', 'Add provider'],
  ['/providers', 'gpu-pool'],
  ['/routes', 'Add route'],
] as const;

browserTest('no panel or dialog has a serious fault of accessibility, in light or in dark', async t => {
  const { page, visit } = await openConsole(t, { gateway: await startFilledGateway(t), scheme: 'light' });
  let shown = '';
  for (const [path, button, entry] of panels) {
    if (path !== shown) await visit(path);
    shown = path;
    await page.getByRole('button', { name: button }).first().click();
    if (entry !== undefined) await page.getByRole('menuitem', { name: entry }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await dialog.getByLabel('Loading …').first().waitFor({ state: 'detached' });
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.locator(`html[data-mantine-color-scheme=${scheme}]`).waitFor();
      assert.deepEqual(await seriousFaults(page), [], `${path}: ${button} ${entry ?? ''}, ${scheme}`);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
});
