/** What a change would do, in words: the answer of a dry run. */
import { visible } from './output.ts';

interface Move {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

interface Figures {
  readonly total: number;
  readonly changed: number;
  readonly unknown: number;
  readonly levels: readonly Move[];
  readonly tenants: readonly (Move & { readonly from_tenant: string | null; readonly to_tenant: string | null })[];
  readonly tenants_left_out: number;
}

export interface Impact {
  readonly mapping: 'enforced' | 'shadow' | 'off';
  readonly keys: Figures;
  readonly requests: Figures & { readonly since: string };
}

const movesShown = 20;

export function impactText({ mapping, keys, requests }: Impact): string {
  const lines = [
    'Nothing is written. It would change:',
    `  ${figuresLine('keys', keys)}`,
    ...moveLines(keys),
    `  ${figuresLine(`requests since ${requests.since}`, requests)}`,
    ...moveLines(requests),
  ];
  if (mapping !== 'enforced')
    lines.push(`  Mapping is ${mapping === 'off' ? 'off' : 'in shadow'}: as if it were enforced.`);
  return `${lines.join('\n')}\n`;
}

const figuresLine = (what: string, { total, changed, unknown }: Figures): string =>
  `${changed} of ${total} ${what}${unknown > 0 ? ` (of ${unknown} the key was not seen since the start)` : ''}`;

/** By tenant, the most frequent first. */
function moveLines({ tenants, tenants_left_out }: Figures): string[] {
  const shown = tenants.slice(0, movesShown);
  const left = tenants.length - shown.length + tenants_left_out;
  const lines = shown.map(
    ({ from, to, count, from_tenant, to_tenant }) =>
      `    ${count}: P${from} → P${to}  ${tenant(from_tenant)}${from_tenant === to_tenant ? '' : ` → ${tenant(to_tenant)}`}`,
  );
  return left > 0 ? [...lines, `    … and ${left} more moves (--json has them)`] : lines;
}

const tenant = (id: string | null): string => (id === null ? '(no tenant)' : visible(id));
