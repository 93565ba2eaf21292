/** The console's home page: the live lanes, and why a request waits. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { browserTest, type Console, type Look, openConsole, seriousFaults } from '../support/browser.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { readLanes } from '../support/live.ts';
import { poolIni, waitingIn } from '../support/pool-of-one.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';
import { startTcpWay } from '../support/tcp-way.ts';
import { until } from '../support/until.ts';

interface Lanes extends Console {
  readonly upstream: FakeUpstream;
  /** Sends requests with this key, none of which ends by itself. */
  send(key: string, requestIds: readonly string[]): void;
}

const sections = '[pool.main]\nqueue_drain_sec = 0';

/** Opens two seats in front of an upstream that holds its requests. */
async function openLanes(t: TestContext, options: Look & { readonly edition?: 'personal' } = {}): Promise<Lanes> {
  const upstream = await startFakeUpstream(t, { hold: true });
  const console = await openConsole(t, { ini: poolIni(upstream, { seats: 2, sections }), ...options });
  return { ...console, upstream, send: sender(t, console.gateway) };
}

function sender(t: TestContext, gateway: TestGateway): Lanes['send'] {
  const ending = new AbortController();
  t.after(() => ending.abort());
  return (key, requestIds) => {
    for (const requestId of requestIds) {
      void gateway.chat(key, { requestId, signal: ending.signal }).catch(() => {});
    }
  };
}

/** Adds a tenant whose keys begin with `tok_<prefix>`, and one key of it. */
async function addTenant(gateway: TestGateway, prefix: string, name: string, priority: number) {
  const mapping = await gateway.admin('POST', '/admin/api-key-priority/mappings', {
    pattern: `tok_${prefix}*`,
    match_type: 'prefix',
    priority,
    tenant_id: `dept-${prefix}`,
    tenant_name: name,
  });
  assert.equal(mapping.status, 201);
  return { key: await gateway.createKey(prefix), mappingId: mapping.body.id as number };
}

/** One tenant takes both seats, three requests of the other wait behind. */
async function fillLanes({ gateway, upstream, send }: Lanes): Promise<void> {
  const prod = await addTenant(gateway, 'prod', 'Production Team', 1);
  const dev = await addTenant(gateway, 'dev', 'Development', 7);
  send(prod.key, ['prod-1', 'prod-2']);
  await upstream.waitForActive(2);
  for (const [index, id] of ['dev-1', 'dev-2', 'dev-3'].entries()) {
    send(dev.key, [id]);
    await until(async () => (await waitingIn(gateway)) === index + 1);
  }
}

const levelsOf = (page: Page, pool = 'main') => page.getByRole('region', { name: `Levels of ${pool}` });
const finder = (page: Page) => page.getByRole('dialog', { name: 'Find a request' });

browserTest(
  'the lanes show who runs and who waits, by level and by tenant, and move unless they are held still',
  async t => {
    const lanes = await openLanes(t);
    const { page, visit, upstream, gateway } = lanes;
    await fillLanes(lanes);
    await visit('/');
    await levelsOf(page).getByRole('button', { name: '3 waiting in P7: show them' }).waitFor();
    const best = levelsOf(page).getByRole('row').filter({ hasText: 'P1' });
    assert.equal(await best.getByRole('cell').nth(2).innerText(), '2');
    await page.getByLabel('P1: 2 of 2 seats').waitFor();
    const production = page
      .getByRole('region', { name: 'Tenants of main' })
      .getByRole('row')
      .filter({ hasText: 'Production Team' });
    await production.getByLabel('served 100%, entitled to 100%').waitFor();
    assert.match(await production.innerText(), /dept-prod/);

    await page.getByRole('button', { name: 'Hold still' }).click();
    upstream.open();
    await until(async () => (await waitingIn(gateway)) === 0);
    // A stream that opens now includes the change.
    const reader = await readLanes(t, gateway.url);
    for (let news = 0; news < 2; news++) await reader.next('lanes');
    assert.equal(await levelsOf(page).getByRole('button', { name: '3 waiting in P7: show them' }).count(), 1);
    await page.getByRole('button', { name: 'Go on' }).click();
    await levelsOf(page)
      .getByRole('button', { name: /waiting in/ })
      .waitFor({ state: 'detached' });
    await page
      .getByLabel(/of 2 seats/)
      .first()
      .waitFor({ state: 'detached' });
  },
);

browserTest('a waiting request is found by its id, says why it waits, and when it has gone', async t => {
  const lanes = await openLanes(t);
  const { page, visit, upstream } = lanes;
  await fillLanes(lanes);
  await visit('/');
  await page.getByRole('button', { name: 'Find a request' }).click();
  await finder(page).getByLabel('Request id').fill('dev-3');
  await page.keyboard.press('Enter');
  const request = finder(page).getByRole('region', { name: 'The request' });
  await request.getByText('No seat is free, and earlier requests of its own tenant go first.').waitFor();
  await request.getByText('0 in better levels, 0 of other tenants of its level, 2 of its own tenant').waitFor();
  assert.match(await request.innerText(), /Place in line\s+3\b/);
  assert.match(page.url(), /request=dev-3/, 'its address can be shared');
  assert.deepEqual(await seriousFaults(page), []);

  upstream.open();
  await request.getByText('It is not here any more').waitFor();
  await request.getByText(/^At \d\d:\d\d:\d\d it still waited/).waitFor();
  await finder(page).getByText('Nobody waits.').waitFor();

  await finder(page).getByLabel('Request id').fill('nobody');
  await page.keyboard.press('Enter');
  await request.getByText(/No request of this id waits or runs here/).waitFor();
});

browserTest('a request that was not there yet is found when it is asked for again', async t => {
  const { page, visit, gateway, upstream, send } = await openLanes(t);
  const { key } = await addTenant(gateway, 'dev', 'Development', 7);
  await visit('/?request=late');
  const request = finder(page).getByRole('region', { name: 'The request' });
  await request.getByText(/No request of this id waits or runs here/).waitFor();
  send(key, ['late']);
  await upstream.waitForActive(1);
  await finder(page).getByLabel('Request id').press('Enter');
  await request.getByText('Running', { exact: true }).waitFor();
});

browserTest('the keyboard alone opens the longest waiting requests, explains one of them, and leads back', async t => {
  const lanes = await openLanes(t);
  const { page, visit } = lanes;
  await fillLanes(lanes);
  await visit('/');
  const opener = levelsOf(page).getByRole('button', { name: '3 waiting in P7: show them' });
  await opener.waitFor();
  await pressUntilFocused(page, 'Tab', '3 waiting in P7: show them');
  await page.keyboard.press('Enter');
  const oldest = finder(page).getByRole('row').nth(1);
  await oldest.getByRole('button', { name: 'dev-1' }).waitFor();
  await pressUntilFocused(page, 'Tab', 'dev-1');
  await page.keyboard.press('Enter');
  await finder(page).getByText('All seats are in use. It gets the next one that is freed.').waitFor();
  await page.keyboard.press('Escape');
  await finder(page).waitFor({ state: 'detached' });
  assert.ok(await opener.evaluate(button => button === document.activeElement), 'the focus is where it was');
});

async function pressUntilFocused(page: Page, key: string, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
    });
    if (focused === name) return;
  }
  assert.fail(`${key} does not lead to "${name}"`);
}

browserTest('a lost stream says from when the lanes are, and comes back by itself', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { database: database.url, ini: poolIni(upstream, { seats: 2 }) });
  const way = await startTcpWay(t, gateway.url);
  const { page, visit } = await openConsole(t, { gateway: { ...gateway, url: way.url } });
  await visit('/');
  await page.getByText('Live', { exact: true }).waitFor();
  await way.cut();
  await page.getByText(/^No news since \d\d:\d\d:\d\d, showing the state of then/).waitFor({ timeout: 20_000 });
  await levelsOf(page).getByText('P0').waitFor();
  await way.open();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('alert').waitFor({ state: 'detached' });
});

browserTest('what comes after the page is waited for while the gateway is away, beside the lanes', async t => {
  const { page, visit } = await openLanes(t);
  const away = /\/healthz$|\/assets\/pool-chart-/;
  const chart = page.getByRole('heading', { name: 'Last ten minutes' });
  let refused = 0;
  await page.route(away, route => {
    if (route.request().url().includes('/assets/')) refused++;
    return route.abort('connectionrefused');
  });
  await visit('/');
  await levelsOf(page).getByText('P0').waitFor();
  await until(() => refused > 1);
  assert.equal(await chart.count(), 0);
  await page.unroute(away);
  await chart.waitFor();
  await levelsOf(page).getByText('P0').waitFor();
});

browserTest('an admin who is signed out elsewhere sees the sign-in page, not old lanes', async t => {
  const { page, visit, context, gateway } = await openLanes(t);
  await visit('/');
  await page.getByText('Live', { exact: true }).waitFor();
  await context.request.delete(`${gateway.url}/admin/sessions`, { headers: { 'x-tokligence-console': '1' } });
  await page.getByLabel('Admin key').waitFor({ timeout: 20_000 });
});

browserTest('a boost that holds counts down', async t => {
  const { page, visit, gateway } = await openLanes(t);
  const { mappingId } = await addTenant(gateway, 'ml', 'ML Research', 6);
  const path = `/admin/api-key-priority/mappings/${mappingId}/boost`;
  await gateway.admin('POST', path, { priority: 2, for: 90, reason: 'a demonstration' });
  await visit('/');
  const boosts = page.getByRole('region', { name: 'Boosts that hold' });
  await boosts.getByText('dept-ml').waitFor();
  assert.match(await boosts.innerText(), /P6\s+P2\s+ends in 1:[0-3]\d/);
  const first = await boosts.getByText(/^ends in/).innerText();
  await until(async () => (await boosts.getByText(/^ends in/).innerText()) !== first);
});

browserTest('Personal has the lanes too, with users for tenants', async t => {
  const { page, visit, gateway, send, upstream } = await openLanes(t, { edition: 'personal' });
  send(await gateway.createKey(), ['own-1']);
  await upstream.waitForActive(1);
  await visit('/');
  await page
    .getByRole('region', { name: 'Tenants of main' })
    .getByText(/^user:\d+$/)
    .waitFor();
});

browserTest('at 390 px nothing but tables scrolls sideways, and a request is found', async t => {
  const lanes = await openLanes(t, { width: 390, height: 844 });
  const { page, visit } = lanes;
  await fillLanes(lanes);
  await visit('/');
  const waiting = levelsOf(page).getByRole('button', { name: '3 waiting in P7: show them' });
  await waiting.waitFor();
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await overflow()) <= 0);
  const table = levelsOf(page);
  assert.ok(await table.evaluate(region => region.scrollWidth <= region.clientWidth), 'the essential columns fit');
  await waiting.click();
  await finder(page).getByRole('button', { name: 'dev-2' }).click();
  await finder(page).getByText('Why it waits').waitFor();
  assert.ok((await overflow()) <= 0);
});

browserTest('several pools are listed, each a jump away', async t => {
  const upstream = await startFakeUpstream(t);
  const ini = `${poolIni(upstream, { seats: 2, provider: 'models = a*' })}
[provider.other]
type = loopback
models = b*`;
  const { page, visit } = await openConsole(t, { ini, height: 500 });
  await visit('/');
  await page.getByRole('navigation', { name: 'Pools' }).getByRole('link', { name: 'other' }).click();
  await until(() =>
    page.getByRole('heading', { name: 'other' }).evaluate(title => {
      const { top, bottom } = title.getBoundingClientRect();
      return top >= 52 && bottom <= innerHeight;
    }),
  );
});

browserTest('a database that is gone is told of, while the lanes go on', async t => {
  const server = await privateServer(t);
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, { database: server.url, ini: poolIni(upstream, { seats: 2 }) });
  const { page, visit } = await openConsole(t, { gateway });
  await visit('/');
  await page.getByText('Live', { exact: true }).waitFor();
  await server.kill();
  await page.getByRole('alert').getByText('The database is not as it should be').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
});
