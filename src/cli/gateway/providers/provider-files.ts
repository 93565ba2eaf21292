/** Providers and routes as a file, and a provider tried before it is stored. */
import type { Command } from 'commander';
import type { StoredFile, TriedProvider } from '../../../http/admin/contract/stored-providers.ts';
import { usageFault } from '../exit.ts';
import { jsonText, visible } from '../output.ts';
import type { SessionOf } from '../session.ts';
import { writeText } from '../text-file.ts';
import { fieldsOf, type KeyFlags, keyFileFlag, keyFileHelp, keyOf, nameOf, settingsHelp, textFrom } from './given.ts';
import { counted, triedText } from './stored-text.ts';

const path = '/admin/providers-file';

export function providerFileCommands(providers: Command, sessionOf: SessionOf): void {
  providers
    .command('export')
    .description('what is stored of providers and routes as JSON, without keys')
    .argument('[file]', 'where to (default: standard output)')
    .action(async (file: string | undefined, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const text = jsonText(await session.gateway().call<StoredFile>('GET', path));
      if (file === undefined) return session.write(text);
      writeText(file, text);
      session.note(`Written to ${visible(file)}`);
    });

  providers
    .command('import')
    .description('store the providers and routes of a file: all of it or nothing; others stay as they are')
    .argument('<file>', 'JSON as exported; - is standard input')
    .option('--dry-run', 'write nothing; find what is wrong')
    .action(async (file: string, { dryRun }: { dryRun?: true }, command: Command) => {
      const session = sessionOf(command);
      const body = parsed(textFrom(file, session.streams), nameOf(file));
      const query = { dry_run: dryRun };
      const { providers, routes, ...rest } = await session
        .gateway()
        .call<{ providers: number; routes: number }>('POST', path, { body, query });
      const did = dryRun === true ? 'Can be stored' : 'Stored';
      session.show(
        { providers, routes, ...rest },
        () => `${did}: ${counted(providers, 'provider')}, ${counted(routes, 'route')}\n`,
      );
    });
}

export function tryCommand(providers: Command, sessionOf: SessionOf): void {
  providers
    .command('try')
    .description('ask a provider for its models without storing it')
    .argument('[settings...]', settingsHelp)
    .option('--name <name>', 'a stored provider, whose settings and keys stand in for those that are absent')
    .option('--model <model>', 'also send one request for one token')
    .option(keyFileFlag, keyFileHelp)
    .action(async (given: string[], flags: KeyFlags & { name?: string; model?: string }, command: Command) => {
      const session = sessionOf(command);
      const fields = { ...fieldsOf(given), ...keyOf(flags, session.streams) };
      const body = { ...fields, name: flags.name, model: flags.model };
      const tried = await session.gateway().call<TriedProvider>('POST', '/admin/providers/try', { body });
      session.show(tried, () => tried.endpoints.map(triedText).join(''));
    });
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageFault(
      `${visible(name)} is not JSON: ${visible(error instanceof Error ? error.message : String(error))}`,
    );
  }
}
