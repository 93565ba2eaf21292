/** Providers, their keys and routes as they are stored: shown, written, tried, exported and imported. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type {
  Resealed,
  StoredFile,
  StoredKey,
  StoredProvider,
  StoredRoute,
  TriedProvider,
} from '../../http/admin/contract/stored-providers.ts';
import { usageFault } from './exit.ts';
import { jsonText, visible } from './output.ts';
import type { SessionOf } from './session.ts';
import { readText, textOf } from './text-file.ts';

const path = '/admin/providers';
const filePath = '/admin/providers-file';
const settings = 'KEY=VALUE as in the file, also base_url=URL,URL; without a value: as the file or the default says';
const keyFile = '--api-key-file <file>';
const ofKey = 'a file with the key of the upstream, or - for standard input';

interface KeyFlags {
  readonly apiKeyFile?: string;
}

export function storedProviderCommands(program: Command, sessionOf: SessionOf): void {
  const providers = groupOf(program, 'providers', 'upstreams');
  const routes = groupOf(program, 'routes', 'where the requests for a name of a model go');
  writingCommands(providers, sessionOf, { what: 'provider', path });
  writingCommands(routes, sessionOf, { what: 'route', path: '/admin/routes' });
  keyCommands(providers, sessionOf);
  tryCommand(providers, sessionOf);
  fileCommands(providers, sessionOf);
}

/** Other files may have begun it. */
const groupOf = (program: Command, name: string, description: string): Command =>
  program.commands.find(command => command.name() === name) ?? program.command(name).description(description);

interface Kind {
  readonly what: 'provider' | 'route';
  readonly path: string;
}

type Stored = StoredProvider | StoredRoute;

function writingCommands(group: Command, sessionOf: SessionOf, { what, path }: Kind): void {
  const at = (name: string) => `${path}/${encodeURIComponent(name)}`;

  group
    .command('show')
    .description(`a ${what}: its settings and where they come from`)
    .argument('<name>', 'its name')
    .action(async (name: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const shown = await session.gateway().call<Stored>('GET', at(name));
      session.show(shown, () => textOfStored(shown));
    });

  for (const [act, method, description] of [
    ['add', 'POST', `store a new ${what}`],
    ['set', 'PATCH', `change a ${what}, also one of the file; enabled=false takes it out of service`],
  ] as const) {
    const command = group
      .command(act)
      .description(description)
      .argument('<name>', 'its name')
      .argument('[settings...]', settings)
      .action(async (name: string, given: string[], flags: KeyFlags, command: Command) => {
        const session = sessionOf(command);
        const body = { ...fieldsOf(given), ...keyOf(flags) };
        const stored =
          method === 'POST'
            ? await session.gateway().call<Stored>('POST', path, { body: { name, ...body } })
            : await session.gateway().call<Stored>('PATCH', at(name), { body });
        session.show(stored, () => textOfStored(stored));
      });
    if (what === 'provider') command.option(keyFile, ofKey);
  }

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

function keyCommands(providers: Command, sessionOf: SessionOf): void {
  const at = (name: string) => `${path}/${encodeURIComponent(name)}/keys`;
  providers
    .command('add-key')
    .description('store a key of a provider, sealed; several are used in turn')
    .argument('<name>', 'the provider')
    .requiredOption(keyFile, ofKey)
    .option('--replace', 'in the place of all its keys')
    .option('--description <text>', 'what it is')
    .action(async (name: string, flags: KeyFlags & { replace?: true; description?: string }, command: Command) => {
      const session = sessionOf(command);
      const body = { ...keyOf(flags), description: flags.description };
      const key = await session.gateway().call<StoredKey>(flags.replace ? 'PUT' : 'POST', at(name), { body });
      session.show(key, () => `Stored the key ${key.fingerprint} (${key.id}) for ${key.origins.join(', ')}\n`);
    });

  providers
    .command('remove-key')
    .description('delete a key of a provider')
    .argument('<name>', 'the provider')
    .argument('<id>', 'as `gateway providers show` names it')
    .action(async (name: string, id: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const one = `${at(name)}/${encodeURIComponent(id)}`;
      const answer = await session.gateway().call<{ message: string }>('DELETE', one);
      session.show(answer, () => `${answer.message}\n`);
    });

  providers
    .command('reseal')
    .description('seal all keys with the present master key, after it was changed')
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const answer = await session.gateway().call<Resealed>('POST', `${path}/reseal`);
      const { resealed, unchanged, master_key_id } = answer;
      session.show(answer, () => `Sealed ${resealed} keys with ${master_key_id}; ${unchanged} were already\n`);
    });
}

function tryCommand(providers: Command, sessionOf: SessionOf): void {
  providers
    .command('try')
    .description('ask a provider for its models without storing it')
    .argument('[settings...]', settings)
    .option('--name <name>', 'a stored provider, whose settings and keys stand in for those that are absent')
    .option('--model <model>', 'also send one request for one token')
    .option(keyFile, ofKey)
    .action(async (given: string[], flags: KeyFlags & { name?: string; model?: string }, command: Command) => {
      const session = sessionOf(command);
      const body = { ...fieldsOf(given), ...keyOf(flags), name: flags.name, model: flags.model };
      const tried = await session.gateway().call<TriedProvider>('POST', `${path}/try`, { body });
      session.show(tried, () => tried.endpoints.map(textOfTried).join(''));
    });
}

function fileCommands(providers: Command, sessionOf: SessionOf): void {
  providers
    .command('export')
    .description('what is stored of providers and routes as JSON, without keys')
    .argument('[file]', 'where to (default: standard output)')
    .action(async (file: string | undefined, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const text = jsonText(await session.gateway().call<StoredFile>('GET', filePath));
      if (file === undefined) return session.write(text);
      writeFileSync(file, text);
      session.note(`Written to ${file}`);
    });

  providers
    .command('import')
    .description('store the providers and routes of a file: all of it or nothing; others stay as they are')
    .argument('<file>', 'JSON as exported; - is standard input')
    .option('--dry-run', 'write nothing; find what is wrong')
    .action(async (file: string, { dryRun }: { dryRun?: true }, command: Command) => {
      const session = sessionOf(command);
      const body = parsed(given(file));
      const at = dryRun === true ? `${filePath}?dry_run=true` : filePath;
      const answer = await session.gateway().call<{ providers: number; routes: number }>('POST', at, { body });
      const did = dryRun === true ? 'Can be stored' : 'Stored';
      session.show(answer, () => `${did}: ${answer.providers} providers, ${answer.routes} routes\n`);
    });
}

/** An empty value is null: as the file or the default says. */
function fieldsOf(given: readonly string[]): Record<string, string | boolean | null> {
  const pairs = given.map(text => {
    const [, key, value = ''] = /^([a-z_]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined) throw usageFault(`${visible(text)} is not KEY=VALUE`);
    if (key === 'enabled' && (value === 'true' || value === 'false')) return [key, value === 'true'] as const;
    return [key, value === '' ? null : value] as const;
  });
  return Object.fromEntries(pairs);
}

const keyOf = ({ apiKeyFile }: KeyFlags): { api_key?: string } =>
  apiKeyFile === undefined ? {} : { api_key: given(apiKeyFile).trim() };

const given = (file: string): string => (file === '-' ? textOf(readFileSync(0), 'standard input') : readText(file));

function parsed(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    throw usageFault('the file is not JSON');
  }
}

function textOfStored(stored: Stored): string {
  const { name, source, enabled, fault } = stored;
  const state = enabled ? '' : ', out of service';
  const settings = Object.entries(stored.settings).map(([key, value]) => `  ${key} = ${visible(value)}\n`);
  const keys = 'keys' in stored ? stored.keys.map(textOfKey) : [];
  const wrong = fault === null ? '' : `  at fault: ${visible(fault)}\n`;
  return `${visible(name)} (${source}${state})\n${wrong}${settings.join('')}${keys.join('')}`;
}

const textOfKey = ({ id, fingerprint, origins, fault, set_aside_at, refused_until }: StoredKey): string => {
  const state = fault ?? (set_aside_at !== null ? 'set aside' : refused_until !== null ? 'refused with 401' : 'used');
  return `  key ${fingerprint} (${id}) for ${origins.map(visible).join(', ')}: ${visible(state)}\n`;
};

function textOfTried({
  url,
  answers,
  ms,
  models,
  models_left_out,
  error,
  request,
}: TriedProvider['endpoints'][number]): string {
  const left = models_left_out > 0 ? ` and ${models_left_out} more` : '';
  const listed = answers
    ? `${models.length + models_left_out} models in ${ms} ms: ${models.map(visible).join(', ')}${left}`
    : `no models: ${visible(error ?? '')}`;
  const sent =
    request === null
      ? ''
      : `  one request: ${request.status ?? 'no answer'} in ${request.ms} ms ${visible(request.error ?? '')}\n`;
  return `${visible(url)}: ${listed}\n${sent}`;
}
