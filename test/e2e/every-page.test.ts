/** Checks of every page of the console, whatever it shows. */
import assert from 'node:assert/strict';
import { texts as english } from '../../ui/src/texts/en/index.ts';
import { browserTest, openConsole, seriousFaults } from '../support/browser.ts';
import { onEveryPage, paths } from '../support/every-page.ts';

browserTest('no page has a serious fault of accessibility, in light, and each fits a phone', t =>
  onEveryPage(t, { scheme: 'light' }, async (page, path) => {
    assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'light');
    assert.deepEqual(await seriousFaults(page), [], path);
    await page.setViewportSize({ width: 390, height: 844 });
    // Tables may scroll sideways within themselves; the page may not. The list of pages takes a moment to collapse.
    await page
      .waitForFunction(() => document.documentElement.scrollWidth <= innerWidth)
      .catch(() => assert.fail(`${path} is wider than a phone`));
    await page.setViewportSize({ width: 1280, height: 800 });
  }),
);

browserTest('every page is reached by the keyboard, entered, and left again', async t => {
  const { page, visit } = await openConsole(t);
  const press = async (key: string, isThere: () => Promise<boolean>) => {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press(key);
      if (await isThere()) return;
    }
    assert.fail(`40 × ${key} does not lead there`);
  };
  const isInside = () => page.evaluate(() => document.activeElement?.closest('main') != null);
  await visit('/');
  await page.getByRole('heading', { level: 1 }).waitFor();
  for (const name of Object.values(paths)) {
    const { title } = english[name];
    const isOnLink = () => page.evaluate(text => document.activeElement?.textContent === text, title);
    await press((await isInside()) ? 'Shift+Tab' : 'Tab', isOnLink);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await press('Tab', isInside);
  }
});
