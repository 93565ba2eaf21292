import type { Command } from 'commander';
import type { LintReport } from '../../../http/admin/contract/inspect.ts';
import { exitCodes } from '../exit.ts';
import { visible } from '../output.ts';
import type { SessionOf } from '../session.ts';

const titles: Readonly<Record<string, string>> = {
  never_wins: 'never win',
  tenant_overlap: 'overlap with other tenants',
  faulty: 'cannot be used',
  pattern_without_key: 'match no known key',
  key_without_pattern: 'known keys that no pattern matches',
  external_may_raise: 'setting lets external tenants raise themselves',
};

export function lintCommand(mappings: Command, sessionOf: SessionOf): void {
  mappings
    .command('lint')
    .description(
      'mappings that never win, overlap or are faulty, patterns without keys, keys without patterns, customers that may raise themselves',
    )
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const report = await session.gateway().call<LintReport>('GET', '/admin/api-key-priority/lint');
      session.show(report, () => reportText(report));
      if (Object.values(report.counts).some(count => count > 0)) session.endWith(exitCodes.findings);
    });
}

function reportText({ findings, counts }: LintReport): string {
  const blocks = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => {
      const shown = findings.filter(finding => finding.kind === kind);
      const more = count > shown.length ? [`  … and ${count - shown.length} more`] : [];
      const lines = shown.map(({ message }) => `  ${visible(message)}`);
      return [`${count} ${titles[kind] ?? kind}:`, ...lines, ...more].join('\n');
    });
  return blocks.length === 0 ? 'Nothing found\n' : `${blocks.join('\n\n')}\n`;
}
