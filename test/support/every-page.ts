/** The console's pages, one after the other, each with data. */
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { texts as english } from '../../ui/src/texts/en/index.ts';
import { texts as chinese } from '../../ui/src/texts/zh/index.ts';
import { type Console, type Look, openConsole } from './browser.ts';
import { holdRequests, startFilledGateway } from './filled-gateway.ts';

export const paths = {
  '/': 'lanes',
  '/mappings': 'mappings',
  '/explain': 'explain',
  '/schedules': 'schedules',
  '/history': 'history',
  '/users': 'users',
  '/api-keys': 'apiKeys',
  '/pools': 'pools',
  '/providers': 'providers',
  '/routes': 'routes',
  '/gateways': 'gateways',
  '/settings': 'settings',
} as const;
type Path = keyof typeof paths;

/** Calls `check` on each page, once it shows its data. */
export async function onEveryPage(
  t: TestContext,
  look: Look,
  check: (page: Page, path: Path) => Promise<void>,
): Promise<void> {
  const gateway = await startFilledGateway(t);
  holdRequests(t, gateway);
  const { page, visit } = await openConsole(t, { gateway, ...look });
  const texts = look.language === 'zh' ? chinese : english;
  await visit('/');
  for (const path of Object.keys(paths) as Path[]) {
    const name = texts[paths[path]].title;
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await settled({ page }, texts.shell.loading);
    await check(page, path);
  }
}

/** Waits until no part of the page is loading. */
async function settled({ page }: Pick<Console, 'page'>, loading: string): Promise<void> {
  await page.getByLabel(loading).first().waitFor({ state: 'detached' });
  await page
    .locator('.mantine-Skeleton-root, .mantine-datatable-loader-fetching')
    .first()
    .waitFor({ state: 'detached' });
}
