import type { Command } from 'commander';
import type { DrawnApiKey, FoundApiKey, ListedApiKey } from '../../http/admin/contract/contract.ts';
import { hashOfKey } from './mappings/mapping-flags.ts';
import { moment, table, visible } from './output.ts';
import { countLine, listRows, type PageFlags } from './paging.ts';
import { eachOf, repeated, rowIds, type SessionOf } from './session.ts';
import { pageOptions, userIdOf } from './users.ts';

interface CreateFlags {
  readonly user: string;
  readonly prefix?: string;
  readonly scope?: string[];
  readonly expiresAt?: string;
}

const path = '/admin/api-keys';

export function keyCommands(program: Command, sessionOf: SessionOf): void {
  const keys = program.command('keys').description('API keys: drawn, listed, revoked');

  keys
    .command('create')
    .description('draw a key; it is shown this once and stored nowhere')
    .requiredOption('--user <user>', 'whose it is: id or e-mail')
    .option('--prefix <text>', 'begin it with tok_TEXT_, for patterns to match')
    .option('--scope <text>', 'stored and shown with it; may be given several times', repeated)
    .option('--expires-at <moment>', 'the end of it, such as 2030-01-31T12:00:00Z')
    .action(async ({ user, prefix, scope, expiresAt }: CreateFlags, command: Command) => {
      const session = sessionOf(command);
      const user_id = await userIdOf(session.gateway(), user);
      const body = { user_id, prefix, scopes: scope, expires_at: expiresAt };
      const drawn = await session.gateway().call<DrawnApiKey>('POST', path, { body });
      if (!session.json) session.note(`Key ${drawn.id} of user ${drawn.user_id}, shown this once:`);
      session.show(drawn, () => `${drawn.key}\n`);
    });

  const list = keys
    .command('list')
    .description('what is known of the keys; not the keys themselves')
    .option('--user <user>', 'of this user only: id or e-mail');
  for (const option of pageOptions()) list.addOption(option);
  list.action(async ({ user, ...page }: PageFlags & { user?: string }, command: Command) => {
    const session = sessionOf(command);
    const gateway = session.gateway();
    const query = user === undefined ? {} : { user_id: await userIdOf(gateway, user) };
    const { rows, total, answer } = await listRows(gateway, { path, name: 'api_keys', query }, page);
    const isEstimated = answer.total_estimated === true;
    session.show(
      { api_keys: rows, total, ...(isEstimated && { total_estimated: true }) },
      () => keyTable(rows) + countLine(rows.length, isEstimated ? `about ${total}` : total, 'key', 'keys'),
    );
  });

  findCommand(keys, sessionOf);
  revokeCommand(keys, sessionOf);
}

const stateWords: Readonly<Record<FoundApiKey['state'], string>> = {
  active: 'active',
  expired: 'expired',
  user_inactive: 'its user is inactive',
};

function findCommand(keys: Command, sessionOf: SessionOf): void {
  keys
    .command('find')
    .description('whose a whole key is, whether it works and when it was used last; only its hash is sent')
    .requiredOption('--key-from <file>', 'the file with the key (- for standard input)')
    .action(async ({ keyFrom }: { keyFrom: string }, command: Command) => {
      const session = sessionOf(command);
      const body = { key_hash: hashOfKey(keyFrom, session.streams) };
      const found = await session.gateway().call<FoundApiKey>('POST', `${path}/lookup`, { body });
      session.show(found, () => foundText(found));
    });
}

function foundText(key: FoundApiKey): string {
  const used = key.last_used_at === null ? `not since ${moment(key.counted_since)}` : moment(key.last_used_at);
  return [
    `Key ${key.id} (${visible(key.key_prefix)}…): ${stateWords[key.state]}`,
    `user       ${key.user_id}, ${visible(key.user_email)}`,
    `last used  ${used}`,
    `expires    ${moment(key.expires_at)}`,
    '',
  ].join('\n');
}

function revokeCommand(keys: Command, sessionOf: SessionOf): void {
  keys
    .command('revoke')
    .description('delete keys: the next request with one is refused')
    .argument('<id...>', 'ids as `keys list` shows them', rowIds)
    .action(async (ids: number[], _flags: object, command: Command) => {
      const session = sessionOf(command);
      await eachOf(ids, id => session.gateway().call('DELETE', `${path}/${id}`));
      session.show({ success: true, revoked: ids }, () => ids.map(id => `Revoked key ${id}\n`).join(''));
    });
}

const keyTable = (keys: readonly ListedApiKey[]): string =>
  table(
    [
      { title: 'id', align: 'right' },
      { title: 'begins with' },
      { title: 'user', align: 'right' },
      { title: 'scopes' },
      { title: 'expires' },
      { title: 'created' },
    ],
    keys.map(key => [
      String(key.id),
      `${key.key_prefix}…`,
      String(key.user_id),
      key.scopes?.join(' ') ?? '-',
      moment(key.expires_at),
      moment(key.created_at),
    ]),
  );
