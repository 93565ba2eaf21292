// The service as the documents describe it, with the installation that `npm prune --omit=dev` leaves.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { closedFolder, root } from '../support/accounts.ts';
import { startDaemon } from '../support/daemon.ts';
import { linkLibraries } from '../support/installed-package.ts';

/** Installs the gateway with its production packages, and with the console that was built before. */
async function installation(t: TestContext): Promise<string> {
  const folder = await closedFolder('as-a-service-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const path of ['package.json', 'config', 'src', 'ui/dist'])
    cpSync(join(root, path), join(folder, path), { recursive: true });
  linkLibraries(folder);
  cpSync(join(root, 'node_modules/.bin/node'), join(folder, 'node_modules/.bin/node'), { verbatimSymlinks: true });
  return folder;
}

const unit = (key: string, text: string): string =>
  new RegExp(`^${key}=(.+)$`, 'm').exec(text)?.[1] ?? assert.fail(`the unit has no ${key}`);

test('the unit of the documents starts, serves the console, reads its configuration again, and stops', async t => {
  if (!existsSync(join(root, 'node_modules/.bin/node'))) return t.skip('no package brings a Node for this machine');
  const text = readFileSync(join(root, 'docs/operate.md'), 'utf8');
  const folder = await installation(t);
  const here = (line: string) =>
    line
      .replaceAll(unit('WorkingDirectory', text), folder)
      .replace('/etc/tokligence/setting.ini', join(folder, 'config/setting.ini'));
  const [command = '', ...args] = here(unit('ExecStart', text)).split(' ');
  assert.equal(command, join(folder, 'node_modules/.bin/node'));
  const daemon = startDaemon(t, 'sh', ['-c', 'cd "$0" && exec "$@"', folder, command, ...args], {
    TOKLIGENCE_GATEWAY_PORT: '0',
    TOKLIGENCE_GATEWAY_DATA_DIR: join(folder, 'data'),
  });
  const url = await daemon.ready();
  const page = await fetch(`${url}/console/`);
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  const [, script = ''] = /src="(\/console\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
  assert.equal((await fetch(url + script)).status, 200);

  const [, signal = ''] = /^\/bin\/kill -(\w+) \$MAINPID$/.exec(unit('ExecReload', text)) ?? [];
  daemon.signal(`SIG${signal}` as NodeJS.Signals);
  await daemon.said('The configuration is read again');
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0, daemon.output);
});
