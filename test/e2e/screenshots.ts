// `npm run screenshots`: every page of the console with live data, as pictures in docs/images.
import { mkdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { texts } from '../../ui/src/texts/en/index.ts';
import { newContext, signIn } from '../support/browser.ts';
import { catchUpClock } from '../support/catch-up-clock.ts';
import { type FilledGateway, startFilledGateway } from '../support/filled-gateway.ts';

const folder = process.env.TOKLIGENCE_SCREENSHOTS ?? 'docs/images';
const pages = {
  lanes: '/',
  mappings: '/mappings',
  explain: '/explain',
  schedules: '/schedules',
  history: '/history',
  users: '/users',
  'api-keys': '/api-keys',
  pools: '/pools',
  settings: '/settings',
};
/** Clients of each tenant in a closed loop. */
const clients: Readonly<Record<string, number>> = {
  'dept-prod': 1,
  'dept-ml': 3,
  'dept-analytics': 2,
  'dept-dev': 2,
  'ext-enterprise': 3,
  'ext-premium': 3,
  'ext-standard': 4,
  'ext-free': 8,
};

test('screenshots of every page', { timeout: 300_000 }, async t => {
  mkdirSync(folder, { recursive: true });
  const clock = catchUpClock(600_000, 20);
  const gateway = await startFilledGateway(t, { serviceMs: 1_500, overrides: { clock } });
  sendLoad(t, gateway);
  while (!clock.caughtUp()) await new Promise(resolve => setTimeout(resolve, 500));
  await shoot(t, gateway, 'light', 1280);
  await shoot(t, gateway, 'dark', 1280);
  await shoot(t, gateway, 'light', 390);
});

function sendLoad(t: TestContext, { keys, chat }: FilledGateway): void {
  const ending = new AbortController();
  t.after(() => ending.abort());
  for (const [tenant, key] of keys) {
    for (let count = 0; count < (clients[tenant] ?? 0); count++)
      void askAgainAndAgain(() => chat(key, { model: 'llama-3', signal: ending.signal }));
  }
}

async function askAgainAndAgain(ask: () => Promise<Response>): Promise<void> {
  for (;;) {
    try {
      await (await ask()).arrayBuffer();
    } catch {
      return;
    }
  }
}

async function shoot(t: TestContext, gateway: FilledGateway, scheme: 'light' | 'dark', width: number): Promise<void> {
  const context = await newContext(t, { scheme, width, height: width === 390 ? 844 : 800 });
  const page = await context.newPage();
  const suffix = `${scheme === 'dark' ? '-dark' : ''}${width === 390 ? '-phone' : ''}`;
  await page.goto(`${gateway.url}/console/`);
  await page.getByLabel('Admin key').waitFor();
  await page.screenshot({ path: `${folder}/sign-in${suffix}.png` });
  await signIn(context, gateway.url);
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(`${gateway.url}/console${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await show(page, name, gateway);
    // Charts render a moment after their data.
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: `${folder}/${name}${suffix}.png` });
  }
}

/** Shows the parts of a page that appear only on request. */
async function show(page: Page, name: string, { keys }: FilledGateway): Promise<void> {
  if (name !== 'explain') return;
  await page.getByLabel(new RegExp(`^${texts.explain.key}`)).fill(keys.get('dept-analytics') ?? '');
  await page.keyboard.press('Enter');
}
