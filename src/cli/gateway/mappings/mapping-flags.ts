/** The fields of a mapping as flags of `add` and `set`. */
import { hash } from 'node:crypto';
import { type Command, Option } from 'commander';
import { matchTypes, tenantTypes } from '../../../domain/vocabulary.ts';
import { usageFault } from '../exit.ts';
import type { Streams } from '../output.ts';
import { wholeNumber } from '../session.ts';
import { readKey } from '../target.ts';

export interface MappingFlags extends EnabledFlags {
  readonly priority?: number;
  readonly matchType?: string;
  readonly keyFrom?: string;
  readonly tenantId?: string | false;
  readonly tenantName?: string | false;
  readonly tenantType?: string | false;
  readonly description?: string | false;
}

export const level = wholeNumber(0, 9);

/** `--no-…` clears a field; a new row has nothing to clear. */
export function addFieldOptions(command: Command, clears: boolean): Command {
  const text = (name: string, what: string) => {
    command.option(`--${name} <text>`, what);
    if (clears) command.option(`--no-${name}`, `clear it`);
  };
  command.addOption(new Option('--match-type <type>', 'how the pattern is compared').choices([...matchTypes]));
  text('tenant-id', 'the tenant; requests of one tenant share its place in the queue');
  text('tenant-name', 'its name to show');
  command.addOption(new Option('--tenant-type <type>', 'whose it is').choices([...tenantTypes]));
  if (clears) command.option('--no-tenant-type', 'clear it');
  text('description', 'what it is for');
  return addEnabledOptions(command, 'let it match', 'keep it, but let it match nothing');
}

export const addEnabledOptions = (command: Command, enabled: string, disabled: string): Command =>
  command.addOption(new Option('--enabled', enabled).conflicts('disabled')).option('--disabled', disabled);

export interface EnabledFlags {
  readonly enabled?: true;
  readonly disabled?: true;
}

export const enabledOf = ({ enabled, disabled }: EnabledFlags): boolean | undefined => (disabled ? false : enabled);

/** Returns the fields that flags name, in the form of the API; undefined fields stay unchanged. */
export const fieldsOf = (flags: MappingFlags) => ({
  priority: flags.priority,
  match_type: flags.matchType,
  tenant_id: cleared(flags.tenantId),
  tenant_name: cleared(flags.tenantName),
  tenant_type: cleared(flags.tenantType),
  description: cleared(flags.description),
  enabled: enabledOf(flags),
});

const cleared = (value: string | false | undefined): string | null | undefined => (value === false ? null : value);

/** Guesses the match type only if the pattern is unambiguous. */
export function matchTypeOf(pattern: string, given: string | undefined): string {
  if (given !== undefined) return given;
  if (/^sha256:[0-9a-f]{64}$/i.test(pattern)) return 'exact';
  const inner = pattern.replace(/^\*/, '').replace(/\*$/, '');
  if (pattern !== '*' && !inner.includes('*')) {
    const [begins, ends] = [pattern.startsWith('*'), pattern.endsWith('*')];
    if (begins && ends) return 'contains';
    if (ends) return 'prefix';
    if (begins) return 'suffix';
  }
  throw usageFault(`say how '${pattern.slice(0, 8)}…' is compared: --match-type ${matchTypes.join(', ')}`);
}

/** A key is stored as its hash, so that lists never show it. */
export const hashedKey = (file: string, streams: Streams): string => `sha256:${hashOfKey(file, streams)}`;

/** Returns the hash of the key in a file: lowercase hex, as it is stored. */
export const hashOfKey = (file: string, streams: Streams): string => hash('sha256', readKey(file, streams));
