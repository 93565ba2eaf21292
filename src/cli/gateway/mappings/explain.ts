import { type Command, Option } from 'commander';
import type { Explanation } from '../../../http/admin/contract/inspect.ts';
import { usageFault } from '../exit.ts';
import { shownPattern, table, visible } from '../output.ts';
import type { SessionOf } from '../session.ts';
import { readKey } from '../target.ts';
import { level } from './mapping-flags.ts';

interface ExplainFlags {
  readonly keyFrom?: string;
  readonly prefix?: string;
  readonly xPriority?: number;
  readonly model?: string;
  readonly dialect?: string;
}

export function explainCommand(mappings: Command, sessionOf: SessionOf): void {
  mappings
    .command('explain')
    .description('which mapping wins for a key, why, and what its requests get; the key is neither logged nor stored')
    .argument('[key]', 'the whole key; everybody who may run ps sees it, so rather use --key-from')
    .option('--key-from <file>', 'the key in this file (- for standard input)')
    .option('--prefix <text>', 'only how keys begin: each mapping matches, does not match, or is unknown')
    .addOption(new Option('--x-priority <n>', 'as if the request asked for this level').argParser(level))
    .option('--model <name>', 'also which way the requests for this model go')
    .addOption(new Option('--dialect <dialect>', 'of the request, with --model').choices(['openai', 'anthropic']))
    .action(async (key: string | undefined, flags: ExplainFlags, command: Command) => {
      const session = sessionOf(command);
      const { keyFrom, prefix, xPriority, model, dialect } = flags;
      if ([key, keyFrom, prefix].filter(given => given !== undefined).length !== 1) {
        throw usageFault('give a key, --key-from a file with one, or --prefix');
      }
      const whole = keyFrom === undefined ? key : readKey(keyFrom, session.streams);
      const body = { key: whole, key_prefix: prefix, x_priority: xPriority, model, dialect };
      const answer = await session.gateway().call<Explanation>('POST', '/admin/api-key-priority/explain', { body });
      session.show(answer, () => explained(answer));
    });
}

function explained(answer: Explanation): string {
  const lines = [
    `Requests get ${givenText(answer)}`,
    ...(answer.if_enforced === null
      ? []
      : [
          `Mapping is ${answer.mapping.enabled ? 'in shadow' : 'off'}; enforced, they would get ${givenText(answer.if_enforced)}`,
        ]),
    `X-Priority (${answer.x_priority.policy}): ${visible(answer.x_priority.reason)}`,
    `Tenant: ${answer.tenant?.tenant_id == null ? '-' : visible(answer.tenant.tenant_id)}`,
    ...(answer.route === undefined ? [] : [`Model ${visible(answer.route.asked)}: ${visible(answer.route.reason)}`]),
    '',
  ];
  return lines.join('\n') + (answer.mappings.length > 0 ? rowsTable(answer.mappings) : 'No mapping matches.\n');
}

const givenText = ({ priority, source, flow_id }: Pick<Explanation, 'priority' | 'source' | 'flow_id'>): string =>
  priority === null
    ? 'a priority that depends on the rest of the key'
    : `P${priority} by ${source ?? 'what is not known'}, in the queue of ${flow_id === null ? 'what is not known' : visible(flow_id)}`;

const rowsTable = (rows: Explanation['mappings']): string =>
  table(
    [
      { title: '' },
      { title: 'id', align: 'right' },
      { title: 'level' },
      { title: 'match' },
      { title: 'pattern' },
      { title: 'answer' },
      { title: 'why' },
    ],
    rows.map(row => [
      row.wins ? '▶' : '',
      String(row.id),
      `P${row.priority}`,
      row.match_type,
      shownPattern(row),
      row.answer,
      row.reason,
    ]),
  );
