/** What holds for each page of the console, whatever it shows. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { texts as english } from '../../ui/src/texts/en/index.ts';
import { texts as chinese } from '../../ui/src/texts/zh/index.ts';
import { browserTest, type Console, type Look, openConsole, seriousFaults } from '../support/browser.ts';
import { holdRequests, startFilledGateway } from '../support/filled-gateway.ts';

const paths = {
  '/': 'lanes',
  '/mappings': 'mappings',
  '/explain': 'explain',
  '/schedules': 'schedules',
  '/history': 'history',
  '/users': 'users',
  '/api-keys': 'apiKeys',
  '/pools': 'pools',
  '/settings': 'settings',
} as const;
type Path = keyof typeof paths;

/** Each page in turn, once it shows what it has. */
async function onEveryPage(
  t: TestContext,
  look: Look,
  check: (page: Page, path: Path) => Promise<void>,
): Promise<void> {
  const gateway = await startFilledGateway(t);
  holdRequests(t, gateway);
  const { page, visit } = await openConsole(t, { gateway, ...look });
  const texts = look.language === 'zh' ? chinese : english;
  for (const path of Object.keys(paths) as Path[]) {
    await visit(path);
    await page.getByRole('heading', { level: 1, name: texts[paths[path]].title }).waitFor();
    await settled({ page }, texts.shell.loading);
    await check(page, path);
  }
}

/** No part of the page is still loading. */
async function settled({ page }: Pick<Console, 'page'>, loading: string): Promise<void> {
  await page.getByLabel(loading).first().waitFor({ state: 'detached' });
  await page
    .locator('.mantine-Skeleton-root, .mantine-datatable-loader-fetching')
    .first()
    .waitFor({ state: 'detached' });
}

browserTest('no page has a serious fault of accessibility, light or dark, and each fits a phone', t =>
  onEveryPage(t, {}, async (page, path) => {
    assert.deepEqual(await seriousFaults(page), [], `${path}, light`);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('html[data-mantine-color-scheme=dark]').waitFor();
    // All else is the same whatever the colours.
    assert.deepEqual(await seriousFaults(page, ['color-contrast', 'link-in-text-block']), [], `${path}, dark`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 390, height: 844 });
    // Tables may scroll sideways within themselves; the page may not.
    // The list of pages takes a moment to give way.
    await page
      .waitForFunction(() => document.documentElement.scrollWidth <= innerWidth)
      .catch(() => assert.fail(`${path} is wider than a phone`));
    await page.setViewportSize({ width: 1280, height: 800 });
  }),
);

browserTest('every page speaks Chinese, and says what language it is in', t =>
  onEveryPage(t, { language: 'zh' }, async (page, path) => {
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh', path);
    const shown = await page.locator('main').innerText();
    const english = /(?:^|\s)(?:the|and|of|with|since|waiting|running|Save|Cancel|Loading)(?:\s|$)/.exec(shown);
    assert.equal(
      english,
      null,
      `${path} says "${shown.slice((english?.index ?? 0) - 20, (english?.index ?? 0) + 60)}"`,
    );
  }),
);

browserTest('every page is reached and left by the keyboard', async t => {
  const { page, visit } = await openConsole(t);
  await visit('/');
  await page.getByRole('heading', { level: 1 }).waitFor();
  for (const name of Object.values(paths).slice(1)) {
    const { title } = english[name];
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => document.activeElement?.textContent ?? '');
      if (focused === title) break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    // Back to the top, as a reader's own key for it does.
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.reload();
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
  }
});
