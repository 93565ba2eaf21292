import type { Command } from 'commander';
import type { FleetMember, FleetShown } from '../../http/admin/contract/fleet.ts';
import { table, visible } from './output.ts';
import type { SessionOf } from './session.ts';

export function fleetCommand(program: Command, sessionOf: SessionOf): void {
  program
    .command('fleet')
    .description('the gateways that share their seats, and which of them conducts')
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const shown = await session.gateway().call<FleetShown>('GET', '/admin/fleet');
      session.show(shown, () => `${headline(shown)}\n${memberTable(shown.members)}`);
    });
}

function headline({ fleet, epoch, conductor, members }: FleetShown): string {
  if (fleet === null) return 'No fleet: the seats of this gateway are its own.';
  const name = members.find(member => member.member_id === conductor)?.name ?? conductor;
  return `Fleet ${visible(fleet)}: ${name === null ? 'no conductor' : `${visible(name)} conducts`}, epoch ${epoch}`;
}

/** Without the place of the process, which is for the other gateways. */
const addressOf = ({ url }: FleetMember): string => url?.split('?')[0] ?? '-';

const memberTable = (members: readonly FleetMember[]): string =>
  table(
    [
      { title: 'name' },
      { title: 'role' },
      { title: 'seats', align: 'right' },
      { title: 'last beat', align: 'right' },
      { title: 'version' },
      { title: 'address' },
      { title: 'member' },
    ],
    members.map(member => [
      member.name,
      member.role,
      member.seats === null ? '-' : String(member.seats),
      member.last_beat_ms === null ? '-' : `${Math.round(member.last_beat_ms)} ms`,
      member.version,
      addressOf(member),
      member.member_id,
    ]),
  );
