import { type Command, Option } from 'commander';
import type { Mapping } from '../../../http/admin/contract/contract.ts';
import { usageFault } from '../exit.ts';
import { moment, visible } from '../output.ts';
import { rowId, type SessionOf } from '../session.ts';
import { dryRun, tryOut } from './dry-run.ts';
import { level } from './mapping-flags.ts';
import { mappingsPath } from './mapping-table.ts';

interface BoostFlags {
  readonly priority?: number;
  readonly for?: number;
  readonly until?: string;
  readonly reason?: string;
  readonly end?: true;
  readonly dryRun?: true;
}

export function boostCommand(mappings: Command, sessionOf: SessionOf): void {
  mappings
    .command('boost')
    .description('give a mapping another priority for a while; it ends by itself')
    .argument('<id>', 'as `mappings list` shows it', rowId)
    .addOption(new Option('--priority <n>', 'P0 (best) to P9').argParser(level))
    .addOption(new Option('--for <duration>', 'such as 90m, 2h or 1h30m').argParser(seconds).conflicts('until'))
    .option('--until <moment>', 'such as 2030-01-31T18:00:00Z')
    .option('--reason <text>', 'why; the history shows it')
    .addOption(new Option('--end', 'end it now').conflicts(['priority', 'for', 'until', 'reason', 'dryRun']))
    .option(...dryRun)
    .action(async (id: number, flags: BoostFlags, command: Command) => {
      const session = sessionOf(command);
      const path = `${mappingsPath}/${id}/boost`;
      if (flags.end) {
        const answer = await session.gateway().call('DELETE', path);
        return session.show(answer, () => `The boost of mapping ${id} has ended\n`);
      }
      const body = boostOf(flags);
      if (flags.dryRun) return tryOut(session, 'POST', path, body);
      const mapping = await session.gateway().call<Mapping>('POST', path, { body });
      session.show(mapping, () => boostLine(mapping));
    });
}

function boostLine({ id, boost }: Mapping): string {
  if (boost === null) return `The boost of mapping ${id} has ended\n`;
  return `Mapping ${id} is at P${boost.priority} until ${moment(boost.until)}: ${visible(boost.reason)}\n`;
}

function boostOf({ priority, for: duration, until, reason }: BoostFlags): object {
  if (priority === undefined || reason === undefined || (duration === undefined) === (until === undefined)) {
    throw usageFault('a boost needs --priority, --reason, and --for or --until; --end ends one');
  }
  return { priority, reason, for: duration, until };
}

const unitSeconds = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** Parses a duration into seconds; a bare number means seconds. */
function seconds(text: string): number {
  const match = /^(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s?)?$/.exec(text);
  const [d, h, m, s] = (match?.slice(1) ?? []).map(part => Number(part ?? 0));
  const total =
    match === null ? 0 : (d ?? 0) * unitSeconds.d + (h ?? 0) * unitSeconds.h + (m ?? 0) * unitSeconds.m + (s ?? 0);
  if (total === 0) throw usageFault(`--for must be a duration such as 90m, 2h or 1h30m`);
  return total;
}
