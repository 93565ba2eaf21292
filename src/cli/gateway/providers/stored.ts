/** Providers and routes as they are stored: shown and written. */
import type { Command } from 'commander';
import type { StoredProvider, StoredRoute } from '../../../http/admin/contract/stored-providers.ts';
import { usageFault } from '../exit.ts';
import type { SessionOf } from '../session.ts';
import { fieldsOf, type KeyFlags, keyFileFlag, keyFileHelp, keyOf, settingsHelp } from './given.ts';
import { providerText, routeText } from './stored-text.ts';

interface Kind<Stored> {
  readonly what: 'provider' | 'route';
  /** Of the admin API. */
  readonly path: string;
  readonly textOf: (stored: Stored) => string;
}

export const storedProviderCommands = (providers: Command, sessionOf: SessionOf): void =>
  storedCommands<StoredProvider>(providers, sessionOf, {
    what: 'provider',
    path: '/admin/providers',
    textOf: providerText,
  });

export const storedRouteCommands = (routes: Command, sessionOf: SessionOf): void =>
  storedCommands<StoredRoute>(routes, sessionOf, { what: 'route', path: '/admin/routes', textOf: routeText });

function storedCommands<Stored>(group: Command, sessionOf: SessionOf, kind: Kind<Stored>): void {
  const { what, path, textOf } = kind;
  const at = (name: string) => `${path}/${encodeURIComponent(name)}`;
  group
    .command('show')
    .description(`a ${what}: its settings${what === 'provider' ? ', where they come from, and its keys' : ''}`)
    .argument('<name>', 'its name')
    .action(async (name: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const shown = await session.gateway().call<Stored>('GET', at(name));
      session.show(shown, () => textOf(shown));
    });

  addCommand(group, sessionOf, kind);
  setCommand(group, sessionOf, kind);

  group
    .command('remove')
    .description(`delete what is stored of a ${what}; one of the file is as the file says again`)
    .argument('<name>', 'its name')
    .action(async (name: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const answer = await session.gateway().call<{ message: string }>('DELETE', at(name));
      session.show(answer, () => `${answer.message}\n`);
    });
}

function addCommand<Stored>(group: Command, sessionOf: SessionOf, { what, path, textOf }: Kind<Stored>): void {
  writingCommand(group, 'add', what)
    .description(`store a new ${what}`)
    .action(async (name: string, given: string[], flags: KeyFlags, command: Command) => {
      const session = sessionOf(command);
      const body = { name, ...fieldsOf(given), ...keyOf(flags, session.streams) };
      const stored = await session.gateway().call<Stored>('POST', path, { body });
      session.show(stored, () => textOf(stored));
    });
}

function setCommand<Stored>(group: Command, sessionOf: SessionOf, { what, path, textOf }: Kind<Stored>): void {
  writingCommand(group, 'set', what)
    .description(`change a ${what}, also one of the file; enabled=false takes it out of service`)
    .action(async (name: string, given: string[], flags: KeyFlags, command: Command) => {
      const session = sessionOf(command);
      const body = { ...fieldsOf(given), ...keyOf(flags, session.streams) };
      if (Object.keys(body).length === 0) throw usageFault('give a setting to change, as KEY=VALUE');
      const stored = await session.gateway().call<Stored>('PATCH', `${path}/${encodeURIComponent(name)}`, { body });
      session.show(stored, () => textOf(stored));
    });
}

function writingCommand(group: Command, act: 'add' | 'set', what: Kind<never>['what']): Command {
  const command = group.command(act).argument('<name>', 'its name').argument('[settings...]', settingsHelp);
  return what === 'provider' ? command.option(keyFileFlag, keyFileHelp) : command;
}
