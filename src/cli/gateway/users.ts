import { type Command, Option } from 'commander';
import { roles, userStatuses } from '../../domain/vocabulary.ts';
import type { User } from '../../http/admin/contract/contract.ts';
import type { AdminClient } from './client.ts';
import { CliFault, exitCodes, usageFault } from './exit.ts';
import { moment, table, visible } from './output.ts';
import { countLine, listRows, type PageFlags } from './paging.ts';
import { type SessionOf, wholeNumber } from './session.ts';

const path = '/admin/users';
const role = () => new Option('--role <role>', 'what they may do').choices([...roles]);
const limit = () => new Option('--limit <n>', 'at most so many (default: all)').argParser(wholeNumber(1, 2 ** 31 - 1));
const offset = () => new Option('--offset <n>', 'leave out so many first').argParser(wholeNumber(0, 2 ** 31 - 1));
export const pageOptions = (): Option[] => [limit(), offset()];

export function userCommands(program: Command, sessionOf: SessionOf): void {
  const users = program.command('users').description('accounts: who owns keys, and who may administer');

  users
    .command('list')
    .description('all accounts')
    .addOption(limit())
    .addOption(offset())
    .action(async (flags: PageFlags, command: Command) => {
      const session = sessionOf(command);
      const { rows, total } = await listRows(session.gateway(), { path, name: 'users' }, flags);
      session.show({ users: rows, total }, () => userTable(rows) + countLine(rows.length, total, 'user', 'users'));
    });

  users
    .command('add')
    .description('create an account')
    .argument('<email>', 'what names the account')
    .addOption(role().makeOptionMandatory())
    .option('--display-name <text>', 'a name to show')
    .action(async (email: string, flags: { role: string; displayName?: string }, command: Command) => {
      const session = sessionOf(command);
      const body = { email, role: flags.role, display_name: flags.displayName };
      const user = await session.gateway().call<User>('POST', path, { body });
      session.show(user, () => `Added user ${user.id}: ${visible(user.email)} (${user.role})\n`);
    });

  setCommand(users, sessionOf);
}

function setCommand(users: Command, sessionOf: SessionOf): void {
  users
    .command('set')
    .description('change an account; inactive: all its keys stop working')
    .argument('<user>', 'id or e-mail')
    .addOption(role())
    .addOption(new Option('--status <status>', 'whether their keys work').choices([...userStatuses]))
    .option('--display-name <text>', 'a name to show')
    .option('--no-display-name', 'show no name')
    .action(async (who: string, flags: SetFlags, command: Command) => {
      const session = sessionOf(command);
      const body = patchOf(flags);
      const id = await userIdOf(session.gateway(), who);
      const user = await session.gateway().call<User>('PUT', `${path}/${id}`, { body });
      session.show(user, () => `Changed user ${user.id}:\n${userTable([user])}`);
    });
}

interface SetFlags {
  readonly role?: string;
  readonly status?: string;
  /** False: no name. */
  readonly displayName?: string | false;
}

function patchOf({ role, status, displayName }: SetFlags): object {
  if (role === undefined && status === undefined && displayName === undefined) {
    throw usageFault('say what to change: --role, --status or --display-name');
  }
  return { role, status, display_name: displayName === false ? null : displayName };
}

/** Returns the ID of a user named by ID or e-mail. */
export async function userIdOf(gateway: AdminClient, who: string): Promise<number> {
  if (/^\d{1,10}$/.test(who)) return Number(who);
  const email = who.trim().toLowerCase();
  const { rows } = await listRows(gateway, { path, name: 'users' });
  const user = rows.find(one => one.email === email);
  if (user === undefined) throw new CliFault(exitCodes.notFound, `There is no user ${visible(who)}.`);
  return user.id;
}

const userTable = (users: readonly User[]): string =>
  table(
    [
      { title: 'id', align: 'right' },
      { title: 'e-mail' },
      { title: 'role' },
      { title: 'status' },
      { title: 'name' },
      { title: 'created' },
    ],
    users.map(user => [
      String(user.id),
      user.email,
      user.role,
      user.status,
      user.display_name ?? '-',
      moment(user.created_at),
    ]),
  );
