/** Checks of every page of the console, in dark colours and in Chinese. */
import assert from 'node:assert/strict';
import { browserTest, seriousFaults } from '../support/browser.ts';
import { onEveryPage } from '../support/every-page.ts';

const englishWord = /(?:^|\s)(?:the|and|of|with|since|waiting|running|Save|Cancel|Loading)(?:\s|$)/;

browserTest('every page speaks Chinese, and says so; none has a serious fault of accessibility, in dark', t =>
  onEveryPage(t, { language: 'zh', scheme: 'dark' }, async (page, path) => {
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh', path);
    const shown = await page.locator('main').innerText();
    const english = englishWord.exec(shown);
    assert.equal(
      english,
      null,
      `${path} says "${shown.slice((english?.index ?? 0) - 20, (english?.index ?? 0) + 60)}"`,
    );
    assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark');
    assert.deepEqual(await seriousFaults(page), [], path);
  }),
);
