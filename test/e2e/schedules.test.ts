import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { browserTest, openConsole } from '../support/browser.ts';
import type { TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const mappings = '/admin/api-key-priority/mappings';
const prod = { match_type: 'prefix', pattern: 'tok_prod*', priority: 4, tenant_id: 'prod', tenant_name: 'Production' };

async function choose(page: Page, label: string, option: string | RegExp): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await page.getByRole('option', { name: option }).click();
}

async function fillHours(page: Page, start: readonly [string, string], end: readonly [string, string]): Promise<void> {
  for (const [name, [hours, minutes]] of [
    ['Start', start],
    ['End', end],
  ] as const) {
    await page.getByLabel(`${name}: Hours`).fill(hours);
    await page.getByLabel(`${name}: Minutes`).fill(minutes);
  }
}

const levelOf = async ({ chat }: TestGateway, key: string) => (await chat(key)).headers.get('x-tokligence-priority');

browserTest('a schedule is made, stands in the week, holds while it is open, and is deleted', async t => {
  const { page, visit, gateway } = await openConsole(t);
  await gateway.admin('POST', mappings, prod);
  const key = await gateway.createKey('prod');
  assert.equal(await levelOf(gateway, key), '4');
  await visit('/schedules');
  await page.getByRole('button', { name: 'New schedule' }).click();
  const panel = page.getByRole('dialog', { name: 'New schedule' });
  await panel.getByRole('combobox', { name: 'Mapping' }).fill('Produ');
  await page.getByRole('option', { name: /Production/ }).click();
  await choose(page, 'Priority', 'P1');
  for (const day of ['Sat', 'Sun']) await panel.getByText(day, { exact: true }).click();
  await fillHours(page, ['00', '00'], ['00', '00']);
  await panel.getByText('Ends on the next day.').waitFor();
  await panel.getByRole('button', { name: 'Create' }).click();
  await panel.waitFor({ state: 'detached' });

  await page.getByRole('row', { name: /Production.*P1.*Mon–Sun 00:00–00:00.*open/ }).waitFor();
  await until(async () => (await page.getByRole('button', { name: /^P1 Production .*tok_prod\* / }).count()) >= 7);
  assert.equal(await levelOf(gateway, key), '1');

  await page.getByRole('button', { name: 'Delete schedule 1' }).click();
  await page
    .getByRole('dialog')
    .getByText(/ends at once/)
    .waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page
    .getByRole('button', { name: /^P1 Production/ })
    .first()
    .waitFor({ state: 'detached' });
  assert.equal(await levelOf(gateway, key), '4');
});

browserTest('windows fall where the reader’s clock has them, and one that overlaps is refused at the form', async t => {
  const { page, visit, gateway } = await openConsole(t, { timeZone: 'Asia/Shanghai' });
  const { admin } = gateway;
  await admin('POST', mappings, prod);
  const rule = { weekdays: ['wed'], start: '20:00', end: '22:00', zone: 'UTC' };
  const made = await admin('POST', '/admin/api-key-priority/schedules', { mapping_id: 1, priority: 2, ...rule });
  assert.equal(made.status, 201);
  await visit('/schedules?mapping_id=1');
  await page.getByText('The next seven days, on your clock: Asia/Shanghai.').waitFor();
  const block = page.getByRole('button', { name: 'P2 Production 04:00–06:00 tok_prod* Thursday' });
  await block.waitFor();
  await choose(page, 'On whose clock', 'UTC');
  await page.getByRole('button', { name: 'P2 Production 20:00–22:00 tok_prod* Wednesday' }).waitFor();

  await page.getByRole('button', { name: 'New schedule' }).click();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText(/^priority is missing: it must be/).waitFor();
  await page.getByText(/Thu.* 04:00\s–\s06:00/).waitFor();
  await choose(page, 'Priority', 'P3');
  await fillHours(page, ['05', '00'], ['07', '00']);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText(/It would overlap schedule 1/).waitFor();
  assert.equal((await admin('GET', '/admin/api-key-priority/schedules')).body.total, 1);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Discard changes' }).click();

  await page.getByRole('button', { name: /^P2 Production/ }).click();
  const panel = page.getByRole('dialog', { name: /Schedule 1: Production .*mapping #1/ });
  await panel.getByLabel('End: Hours').fill('23');
  await panel.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: /20:00–23:00 .*Wednesday/ }).waitFor();
});

browserTest('a form stays open, with what was typed, when somebody else deletes the schedule', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const { admin } = gateway;
  await admin('POST', mappings, prod);
  const rule = { weekdays: ['wed'], start: '20:00', end: '22:00', zone: 'UTC' };
  await admin('POST', '/admin/api-key-priority/schedules', { mapping_id: 1, priority: 2, ...rule });
  await page.clock.install();
  await visit('/schedules');
  await page.getByRole('button', { name: /^P2 Production/ }).click();
  const panel = page.getByRole('dialog', { name: /Schedule 1: Production/ });
  for (const label of ['Priority', 'Start', 'End', 'Weekdays'])
    await panel.getByText(`${label} *`, { exact: true }).first().waitFor();
  await panel.getByLabel('Description').fill('Typed by hand');
  await admin('DELETE', '/admin/api-key-priority/schedules/1');
  await page.clock.fastForward(40_000);
  await page.getByRole('button', { name: /^P2 Production/, includeHidden: true }).waitFor({ state: 'detached' });
  await panel.getByRole('button', { name: 'Save' }).click();
  await panel.getByRole('alert').waitFor();
  assert.equal(await panel.getByLabel('Description').inputValue(), 'Typed by hand');
});

browserTest('two who change different things of a schedule do not undo each other’s', async t => {
  const { page, visit, gateway } = await openConsole(t);
  const { admin } = gateway;
  await admin('POST', mappings, prod);
  const url = '/admin/api-key-priority/schedules';
  const rule = { weekdays: ['wed'], start: '20:00', end: '22:00', zone: 'UTC', description: 'Old' };
  await admin('POST', url, { mapping_id: 1, priority: 2, ...rule });
  await visit('/schedules');
  await page.getByRole('button', { name: 'Edit schedule 1' }).click();
  const panel = page.getByRole('dialog', { name: /Schedule 1: Production/ });
  await panel.getByLabel('Description').fill('');
  await admin('PUT', `${url}/1`, { end: '23:00' });
  await panel.getByRole('button', { name: 'Save' }).click();
  await panel.waitFor({ state: 'detached' });
  const { end, description, priority, weekdays } = (await admin('GET', url)).body.schedules[0];
  assert.deepEqual([end, description, priority, weekdays], ['23:00', null, 2, ['wed']]);
});

browserTest('Personal schedules its pools, and says that Team schedules mappings; in Chinese, on a phone', async t => {
  const { page, visit, gateway } = await openConsole(t, {
    edition: 'personal',
    language: 'zh',
    width: 390,
    height: 844,
  });
  await visit('/schedules');
  await page.getByText('团队版提供此功能').waitFor();
  await page.getByRole('button', { name: '新建时间表' }).click();
  await choose(page, '设置', 'policy');
  await page.getByRole('textbox', { name: '值', exact: true }).fill('nonsense');
  for (const name of ['开始', '结束'])
    for (const part of ['小时', '分钟']) await page.getByLabel(`${name}：${part}`).fill('00');
  for (const day of ['周六', '周日']) await page.getByText(day, { exact: true }).last().click();
  await page.getByRole('button', { name: '创建' }).click();
  await page.getByText('value must be strict or wfq or hybrid, for policy.').waitFor();
  await page.getByRole('textbox', { name: '值', exact: true }).fill('strict');
  await page.getByRole('button', { name: '创建' }).click();
  await page.getByRole('row', { name: /local.*policy.*strict/ }).waitFor();
  const { body } = await gateway.admin('GET', '/admin/scheduler/pools/local');
  assert.deepEqual([body.policy, body.source.policy], ['strict', 'schedule']);
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok((widths[0] ?? 0) <= (widths[1] ?? 0));
});

browserTest('pools that cannot be read are not shown as pools without schedules', async t => {
  const { page, visit } = await openConsole(t, { edition: 'personal' });
  await page.route('**/admin/scheduler/pools', route =>
    route.fulfill({ status: 400, json: { error: { message: 'Not now.', type: 'x', code: 'x', param: null } } }),
  );
  await visit('/schedules');
  await page.getByRole('alert').filter({ hasText: 'Not now.' }).waitFor();
  assert.equal(await page.getByText('Nothing here yet.').count(), 0);
});
