/** The keys of upstreams, which are stored sealed. */
import type { Command } from 'commander';
import type { Resealed, StoredKey } from '../../../http/admin/contract/stored-providers.ts';
import { visible } from '../output.ts';
import type { SessionOf } from '../session.ts';
import { type KeyFlags, keyFileFlag, keyFileHelp, keyOf } from './given.ts';
import { counted } from './stored-text.ts';

const path = '/admin/providers';
const keysOf = (name: string) => `${path}/${encodeURIComponent(name)}/keys`;

export function providerKeyCommands(providers: Command, sessionOf: SessionOf): void {
  addCommand(providers, sessionOf);

  providers
    .command('remove-key')
    .description('delete a key of a provider')
    .argument('<name>', 'the provider')
    .argument('<id>', 'as `gateway providers show` names it')
    .action(async (name: string, id: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const one = `${keysOf(name)}/${encodeURIComponent(id)}`;
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
      session.show(
        answer,
        () => `Sealed ${counted(resealed, 'key')} with the master key ${master_key_id}; ${unchanged} had it already\n`,
      );
    });
}

function addCommand(providers: Command, sessionOf: SessionOf): void {
  providers
    .command('add-key')
    .description('store a key of a provider, sealed; several are used in turn')
    .argument('<name>', 'the provider')
    .requiredOption(keyFileFlag, keyFileHelp)
    .option('--replace', 'in the place of all its keys')
    .option('--description <text>', 'what it is')
    .action(async (name: string, flags: KeyFlags & { replace?: true; description?: string }, command: Command) => {
      const session = sessionOf(command);
      const body = { ...keyOf(flags, session.streams), description: flags.description };
      const method = flags.replace ? 'PUT' : 'POST';
      const key = await session.gateway().call<StoredKey>(method, keysOf(name), { body });
      const origins = key.origins.map(visible).join(', ');
      session.show(key, () => `Stored the key ${key.fingerprint} (${key.id}) for ${origins}\n`);
    });
}
