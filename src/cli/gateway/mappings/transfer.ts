/** Reads and writes mappings as a file that can live in git. */
import type { Command } from 'commander';
import type { Imported } from '../../../http/admin/contract/transfer.ts';
import { isRecord } from '../client.ts';
import { CliFault, exitCodes } from '../exit.ts';
import { visible } from '../output.ts';
import type { SessionOf } from '../session.ts';
import { readText, textOf, writeText } from '../text-file.ts';
import { impactText } from './impact-text.ts';
import { importDiff, paintFor } from './import-diff.ts';
import { mappingsPath } from './mapping-table.ts';

interface ImportFlags {
  readonly dryRun?: true;
  readonly prune?: true;
  readonly exitCode?: true;
}

export function transferCommands(mappings: Command, sessionOf: SessionOf): void {
  mappings
    .command('export')
    .description('all mappings as YAML (--json: as JSON); exact keys by their hash')
    .argument('[file]', 'where to (default: standard output)')
    .action(async (file: string | undefined, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const accept = session.json ? 'application/json' : 'application/yaml';
      const text = await session.gateway().text(`${mappingsPath}/export`, accept);
      if (file === undefined) return session.write(text);
      writeText(file, text);
      session.note(`Written to ${file}`);
    });

  mappings
    .command('import')
    .description('make the mappings as a file says: all of it or nothing; rows are found by their pattern')
    .argument('<file>', 'YAML, or JSON where its name ends in .json; - is YAML on standard input')
    .option('--prune', 'also delete the mappings that the file does not have')
    .option('--dry-run', 'write nothing; show what it would change and do')
    .option('--exit-code', 'end with 8 where there are changes')
    .action(async (file: string, flags: ImportFlags, command: Command) => {
      const session = sessionOf(command);
      const text = file === '-' ? textOf(session.streams.readInput(), 'standard input') : readText(file);
      const sent = session.gateway().call<Imported>('POST', `${mappingsPath}/import`, {
        query: { dry_run: flags.dryRun, prune: flags.prune },
        text: { type: file.endsWith('.json') ? 'application/json' : 'application/yaml', content: text },
      });
      const answer = await sent.catch(error => {
        if (!session.json) for (const line of faultLines(error, file)) session.note(line);
        throw error;
      });
      session.show(answer, () => imported(answer, session.streams.stdout));
      if (flags.exitCode && answer.created + answer.updated + answer.deleted > 0) session.endWith(exitCodes.findings);
    });
}

function imported(answer: Imported, stdout: NodeJS.WriteStream): string {
  const { created, updated, deleted, unchanged, changes, changes_left_out, impact } = answer;
  const more = changes_left_out > 0 ? `… and ${changes_left_out} more changes\n` : '';
  const counts = `${created} created, ${updated} updated, ${deleted} deleted, ${unchanged} unchanged\n`;
  const diff = changes.length > 0 ? `${importDiff(changes, paintFor(stdout))}${more}\n` : '';
  return diff + counts + (impact === undefined ? '' : impactText(impact));
}

const faultsShown = 20;

/** Returns the rows at fault, one line each in the format that editors parse. */
function faultLines(error: unknown, file: string): string[] {
  const { faults, faults_left_out: left } = error instanceof CliFault ? error.detail : {};
  if (!Array.isArray(faults)) return [];
  const shown = faults.filter(isRecord).slice(0, faultsShown);
  const lines = shown.map(({ line, index, reason }) => {
    const place = line === null ? `${file}: mappings[${index}]` : `${file}:${line}`;
    return visible(`${place}: ${reason}`);
  });
  const more = faults.length - shown.length + Number(left);
  return more > 0 ? [...lines, `… and ${more} more (--json names the first ${faults.length})`] : lines;
}
