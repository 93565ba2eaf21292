import { type Command, Option } from 'commander';
import { tenantTypes } from '../../../domain/vocabulary.ts';
import type { WrittenMapping } from '../../../http/admin/contract/inspect.ts';
import { usageFault } from '../exit.ts';
import { visible } from '../output.ts';
import { countLine, listRows, type PageFlags } from '../paging.ts';
import { eachOf, rowId, rowIds, type Session, type SessionOf } from '../session.ts';
import { pageOptions } from '../users.ts';
import { boostCommand } from './boost.ts';
import { type DryRunFlag, dryRun, showWarnings, tryOut } from './dry-run.ts';
import { explainCommand } from './explain.ts';
import { lintCommand } from './lint.ts';
import {
  addEnabledOptions,
  addFieldOptions,
  type EnabledFlags,
  enabledOf,
  fieldsOf,
  hashedKey,
  level,
  type MappingFlags,
  matchTypeOf,
} from './mapping-flags.ts';
import { mappingsPath, mappingTable } from './mapping-table.ts';
import { transferCommands } from './transfer.ts';

export function mappingCommands(program: Command, sessionOf: SessionOf): void {
  const mappings = program
    .command('mappings')
    .description('which key patterns belong to which tenant, at which priority (P0 best … P9)');
  listCommand(mappings, sessionOf);
  addCommand(mappings, sessionOf);
  setCommand(mappings, sessionOf);
  removeCommand(mappings, sessionOf);
  boostCommand(mappings, sessionOf);
  explainCommand(mappings, sessionOf);
  lintCommand(mappings, sessionOf);
  transferCommands(mappings, sessionOf);
}

interface ListFlags extends PageFlags, EnabledFlags {
  readonly priority?: number;
  readonly tenantId?: string;
  readonly tenantType?: string;
}

function listCommand(mappings: Command, sessionOf: SessionOf): void {
  const list = mappings
    .command('list')
    .description('all mappings, in the order in which they are tried')
    .addOption(new Option('--priority <n>', 'of this level only').argParser(level))
    .option('--tenant-id <text>', 'of this tenant only')
    .addOption(new Option('--tenant-type <type>', 'of such tenants only').choices([...tenantTypes]));
  addEnabledOptions(list, 'only those that may match', 'only those that may not');
  for (const option of pageOptions()) list.addOption(option);
  list.action(async (flags: ListFlags, command: Command) => {
    const session = sessionOf(command);
    const query = {
      priority: flags.priority,
      tenant_id: flags.tenantId,
      tenant_type: flags.tenantType,
      enabled: enabledOf(flags),
    };
    const { rows, total, answer } = await listRows(
      session.gateway(),
      { path: mappingsPath, name: 'mappings', query },
      flags,
    );
    // A gateway of another version may omit it.
    const raising = answer.external_may_raise ?? null;
    session.show(
      { mappings: rows, total, external_may_raise: raising },
      () => mappingTable(rows) + countLine(rows.length, total, 'mapping', 'mappings'),
    );
    if (raising !== null && !session.json) session.note(`warning: ${raising.message}`);
  });
}

function addCommand(mappings: Command, sessionOf: SessionOf): void {
  const add = mappings
    .command('add')
    .description('map a pattern to a priority')
    .argument(
      '[pattern]',
      "in quotes: 'tok_prod_*' is a prefix, '*_ci' a suffix, '*-beta-*' contained, sha256:HEX an exact key; else say --match-type",
    )
    .addOption(new Option('--priority <n>', 'P0 (best) to P9').argParser(level).makeOptionMandatory())
    .option('--key-from <file>', 'instead of a pattern: map exactly the key in this file (- for standard input)')
    .option(...dryRun);
  addFieldOptions(add, false).action(async (pattern: string | undefined, flags: AddFlags, command: Command) => {
    const session = sessionOf(command);
    const body = { ...fieldsOf(flags), ...patternOf(pattern, flags, session) };
    if (flags.dryRun) return tryOut(session, 'POST', mappingsPath, body);
    const mapping = await session.gateway().call<WrittenMapping>('POST', mappingsPath, { body });
    showChanged(session, 'Added', mapping);
  });
}

type AddFlags = MappingFlags & DryRunFlag;
type SetFlags = AddFlags & { readonly pattern?: string; readonly ifMatch?: string };

function patternOf(
  pattern: string | undefined,
  flags: MappingFlags,
  { streams }: Session,
): { pattern: string; match_type: string } {
  if ((pattern === undefined) === (flags.keyFrom === undefined)) {
    throw usageFault('give a pattern, or --key-from a file with a key');
  }
  if (pattern !== undefined) return { pattern, match_type: matchTypeOf(pattern, flags.matchType) };
  if (flags.matchType !== undefined && flags.matchType !== 'exact') {
    throw usageFault('--key-from maps one key exactly: leave --match-type away');
  }
  return { pattern: hashedKey(flags.keyFrom ?? '-', streams), match_type: 'exact' };
}

function setCommand(mappings: Command, sessionOf: SessionOf): void {
  const set = mappings
    .command('set')
    .description('change fields of a mapping; the others stay')
    .argument('<id>', 'as `mappings list` shows it', rowId)
    .option('--pattern <text>', 'another pattern')
    .addOption(new Option('--priority <n>', 'P0 (best) to P9').argParser(level))
    .option('--if-match <etag>', 'only if it still is as --json showed it: its etag, quotes included')
    .option(...dryRun);
  addFieldOptions(set, true).action(async (id: number, flags: SetFlags, command: Command) => {
    const session = sessionOf(command);
    const path = `${mappingsPath}/${id}`;
    const body = { pattern: flags.pattern, ...fieldsOf(flags) };
    if (Object.values(body).every(value => value === undefined)) {
      throw usageFault('say what to change (--help lists it)');
    }
    if (flags.dryRun) return tryOut(session, 'PUT', path, body);
    const headers = flags.ifMatch === undefined ? {} : { 'if-match': flags.ifMatch };
    showChanged(session, 'Changed', await session.gateway().call<WrittenMapping>('PUT', path, { body, headers }));
  });
}

function removeCommand(mappings: Command, sessionOf: SessionOf): void {
  mappings
    .command('rm')
    .description('delete mappings')
    .argument('<id...>', 'ids as `mappings list` shows them', rowIds)
    .option(...dryRun)
    .action(async (ids: number[], flags: DryRunFlag, command: Command) => {
      const session = sessionOf(command);
      if (flags.dryRun) {
        if (ids.length > 1) throw usageFault('--dry-run takes one id');
        return tryOut(session, 'DELETE', `${mappingsPath}/${ids[0]}`);
      }
      await eachOf(ids, id => session.gateway().call('DELETE', `${mappingsPath}/${id}`));
      session.show({ success: true, removed: ids }, () => ids.map(id => `Removed mapping ${id}\n`).join(''));
    });
}

function showChanged(session: Session, done: string, mapping: WrittenMapping): void {
  session.show(mapping, () => `${done} mapping ${mapping.id}:\n${mappingTable([mapping])}`);
  if (mapping.fault !== null && !session.json) session.note(`warning: it cannot be used: ${visible(mapping.fault)}`);
  showWarnings(session, mapping.warnings);
}
