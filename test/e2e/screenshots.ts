// `npm run screenshots`: every page of the console with live data, as pictures in docs/images.
import { mkdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { texts } from '../../ui/src/texts/en/index.ts';
import { newContext, signIn } from '../support/browser.ts';
import { catchUpClock } from '../support/catch-up-clock.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { type FilledGateway, startFilledGateway } from '../support/filled-gateway.ts';
import { arrangeFleet } from '../support/fleet-case.ts';
import { startLoad } from '../support/fleet-requests.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { deadUrl, v1 } from '../support/two-targets.ts';

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
const looks = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
] as const;
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
  for (const look of looks) await shoot(t, gateway, ...look);
});

// The gateway above has a clock of its own, with which it could not belong to a fleet.
test('screenshots of the gateways of a fleet', { timeout: 120_000 }, async t => {
  mkdirSync(folder, { recursive: true });
  const { gateways } = await arrangeFleet(t, { count: 3, seats: 12, reply: () => ({ afterMs: 1_500 }) });
  const load = startLoad(gateways, 6);
  for (const [scheme, width] of looks) {
    const { context, suffix } = await look(t, scheme, width);
    const [{ url }] = gateways as [(typeof gateways)[0]];
    await signIn(context, url);
    const page = await context.newPage();
    await page.goto(`${url}/console/gateways`);
    await page.getByRole('row', { name: 'gateway-2' }).waitFor();
    // Each member tells the conductor once a second which seats it holds.
    await page.waitForTimeout(3_000);
    await page.screenshot({ path: `${folder}/gateways${suffix}.png` });
  }
  await load.stop();
});

// The gateway above has no upstream but itself.
test('screenshots of providers and routes', { timeout: 120_000 }, async t => {
  mkdirSync(folder, { recursive: true });
  const { url } = await startWithUpstreams(t);
  for (const [scheme, width] of looks) {
    const { context, suffix } = await look(t, scheme, width);
    await signIn(context, url);
    const page = await context.newPage();
    for (const name of ['providers', 'routes']) {
      await page.goto(`${url}/console/${name}`);
      await page.getByRole('table').getByRole('button').first().waitFor();
      // The table fades in.
      await page.waitForTimeout(1_000);
      await page.screenshot({ path: `${folder}/${name}${suffix}.png` });
    }
  }
});

/** Replicas of which one is down and one drained, a vendor that is stored, and routes over both. */
async function startWithUpstreams(t: TestContext): Promise<TestGateway> {
  const [replica, drained, vendor] = await Promise.all([1, 2, 3].map(() => startFakeUpstream(t, { afterMs: 40 })));
  if (replica === undefined || drained === undefined || vendor === undefined) throw new Error('unreachable');
  const ini = `[provider.vllm]
type = openai
base_url = ${v1(replica)}, ${await deadUrl()}, ${v1(drained)}
models = llama-3.3-70b, qwen3
max_concurrent = 16
[model.llama-70b]
targets = vllm:llama-3.3-70b
aliases = default`;
  const env = { TOKLIGENCE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') };
  const gateway = await startGateway(t, { database: (await freshDatabase(t)).url, ini, env });
  const { admin, chat } = gateway;
  const stored = { name: 'vendor', type: 'openai', base_url: [v1(vendor)], models: ['gpt-*'] };
  await admin('POST', '/admin/providers', { ...stored, api_key: 'sk-of-the-vendor-0123456789' });
  const targets = 'vllm:llama-3.3-70b*3 | vllm:qwen3*1, vendor:gpt-4.1';
  await admin('POST', '/admin/routes', { name: 'chat', targets, spill_after_sec: 2, spill_levels: '0-2' });
  await admin('POST', `/admin/providers/vllm/endpoints/${encodeURIComponent(drained.url)}/drain`);
  const key = await gateway.createKey();
  for (const model of ['llama-70b', 'chat', 'gpt-4.1', 'llama-70b', 'chat', 'gpt-4.1', 'llama-70b'])
    await (await chat(key, { model })).text();
  return gateway;
}

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

type Scheme = (typeof looks)[number][0];

async function look(t: TestContext, scheme: Scheme, width: number) {
  const context = await newContext(t, { scheme, width, height: width === 390 ? 844 : 800 });
  return { context, suffix: `${scheme === 'dark' ? '-dark' : ''}${width === 390 ? '-phone' : ''}` };
}

async function shoot(t: TestContext, gateway: FilledGateway, scheme: Scheme, width: number): Promise<void> {
  const { context, suffix } = await look(t, scheme, width);
  const page = await context.newPage();
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
