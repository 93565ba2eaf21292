import assert from 'node:assert/strict';
import { browserTest, newContext, openConsole, signIn } from '../support/browser.ts';

browserTest('a user is created by the keyboard alone, found, renamed and switched off', async t => {
  const { page, visit, gateway } = await openConsole(t);
  await visit('/users');
  await page.getByRole('button', { name: 'New user' }).press('Enter');
  const panel = page.getByRole('dialog', { name: 'New user' });
  await panel.waitFor();
  await page.keyboard.type('ann');
  await page.keyboard.press('Enter');
  await panel.getByText('3 to 254 characters').waitFor();
  assert.equal(await panel.getByLabel('E-mail').getAttribute('aria-invalid'), 'true');
  await page.keyboard.type('@example.com');
  await page.keyboard.press('Tab');
  await page.keyboard.type('Ann');
  await page.keyboard.press('Enter');
  await panel.waitFor({ state: 'detached' });
  const { users } = (await gateway.admin('GET', '/admin/users?q=ann')).body;
  assert.deepEqual([users[0].email, users[0].role, users[0].display_name], ['ann@example.com', 'gateway_user', 'Ann']);

  const { key } = (await gateway.admin('POST', '/admin/api-keys', { user_id: users[0].id })).body;
  assert.equal((await gateway.chat(key)).status, 200);
  await page.getByLabel('Search e-mail or name').fill('ANN@');
  await page.getByText('1–1 of 1').waitFor();
  await page.getByRole('button', { name: 'ann@example.com', exact: true }).click();
  const edit = page.getByRole('dialog', { name: 'Edit ann@example.com' });
  await edit.getByLabel('Name').fill('Ann Lee');
  await edit.getByText('Inactive').click();
  await edit.getByRole('button', { name: 'Save' }).click();
  const question = page.getByRole('dialog', { name: 'Deactivate ann@example.com' });
  await question.getByText(/keys of ann@example.com stop working/).waitFor();
  await question.getByRole('button', { name: 'Deactivate' }).click();
  await page.getByRole('cell', { name: 'Ann Lee' }).waitFor();
  assert.equal((await gateway.chat(key)).status, 401);

  await page.getByRole('button', { name: 'Activate ann@example.com' }).click();
  await page.getByRole('button', { name: 'Deactivate ann@example.com' }).waitFor();
  assert.equal((await gateway.chat(key)).status, 200);
  await page.getByRole('link', { name: 'API keys of ann@example.com' }).click();
  await page.getByRole('cell', { name: `${key.slice(0, 12)}…`, exact: true }).waitFor();
  assert.match(page.url(), new RegExp(`/api-keys\\?user_id=${users[0].id}$`));
});

browserTest('a panel asks before it discards text that was typed into it', async t => {
  const { page, visit } = await openConsole(t);
  await visit('/users');
  await page.getByRole('button', { name: 'New user' }).click();
  const panel = page.getByRole('dialog', { name: 'New user' });
  await panel.getByLabel('E-mail').fill('ann@example.com');
  const question = page.getByRole('dialog', { name: 'Leave without saving?' });
  await panel.getByRole('combobox', { name: 'Role' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('listbox').waitFor({ state: 'detached' });
  assert.equal(await question.count(), 0, 'that Escape was for the list');
  for (const leave of [
    () => page.keyboard.press('Escape'),
    () => panel.getByRole('button', { name: 'Cancel' }).click(),
  ]) {
    await leave();
    await question.waitFor();
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    assert.equal(await panel.getByLabel('E-mail').inputValue(), 'ann@example.com');
  }
  await panel.getByRole('button', { name: 'Close' }).click();
  await question.getByRole('button', { name: 'Discard changes' }).click();
  await panel.waitFor({ state: 'detached' });
});

browserTest('an action that a gateway admin may not take is refused, and the form says so', async t => {
  const { gateway } = await openConsole(t, { signedIn: false });
  const { body: peer } = await gateway.admin('POST', '/admin/users', {
    email: 'ops@example.com',
    role: 'gateway_admin',
  });
  const { key } = (await gateway.admin('POST', '/admin/api-keys', { user_id: peer.id })).body;
  const context = await newContext(t);
  await signIn(context, gateway.url, key);
  const page = await context.newPage();
  await page.goto(`${gateway.url}/console/users`);
  await page.getByText('Nothing here yet.').waitFor();
  await page.getByRole('button', { name: 'New user' }).click();
  const panel = page.getByRole('dialog');
  await panel.getByLabel('E-mail').fill('boss@example.com');
  await panel.getByRole('combobox', { name: 'Role' }).click();
  await page.getByRole('option', { name: 'Root admin' }).click();
  await panel.getByRole('button', { name: 'Create' }).click();
  await panel
    .getByRole('alert')
    .getByText(/manages gateway_user accounts/)
    .waitFor();
  assert.equal((await gateway.admin('GET', '/admin/users?q=boss')).body.total, 0);
});

browserTest('the last root admin stays: the refusal stands at the role', async t => {
  const { page, visit } = await openConsole(t);
  await visit('/users');
  await page.getByRole('button', { name: 'Edit admin@local' }).click();
  const panel = page.getByRole('dialog', { name: 'Edit admin@local' });
  await panel.getByRole('combobox', { name: 'Role' }).click();
  await page.getByRole('option', { name: 'User', exact: true }).click();
  await panel.getByRole('button', { name: 'Save' }).click();
  await panel.getByText(/last active root_admin/).waitFor();
  await panel.getByRole('button', { name: 'Cancel' }).press('Enter');
  await page.getByRole('button', { name: 'Discard changes' }).press('Enter');
  await panel.waitFor({ state: 'detached' });
  await page.getByRole('cell', { name: 'Root admin' }).waitFor();
});

browserTest('a page beyond the last one leads to the last one', async t => {
  const { page, visit } = await openConsole(t);
  await visit('/users?page=9');
  await page.getByRole('button', { name: 'Edit admin@local' }).waitFor();
  assert.match(page.url(), /page=1$/);
});

browserTest('a search shows its first page, whatever page was open', async t => {
  const { page, visit, gateway } = await openConsole(t);
  for (let count = 0; count < 30; count++) {
    await gateway.admin('POST', '/admin/users', { email: `user-${count}@example.com`, role: 'gateway_user' });
  }
  await visit('/users?page=2&size=25');
  await page.getByText('26–31 of 31').waitFor();
  await page.getByLabel('Search e-mail or name').fill('@example');
  await page.getByText('1–25 of 30').waitFor();
});
