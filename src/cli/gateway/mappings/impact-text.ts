/** Words for the effect of a change: the answer of a dry run. */
import type { Impact } from '../../../http/admin/contract/transfer.ts';
import { visible } from '../output.ts';

type Figures = Impact['keys'];
type PoolShares = Impact['shares'][number];
type Standing = NonNullable<PoolShares['tenants'][number]['before']>;

const movesShown = 20;

/** An older gateway omits the shares. */
export function impactText({ mapping, keys, requests, shares = [], shares_left_out = 0 }: Impact): string {
  const lines = [
    'Nothing is written. It would change:',
    `  ${figuresLine('keys', keys)}`,
    ...moveLines(keys),
    `  ${figuresLine(`requests since ${requests.since}`, requests)}`,
    ...moveLines(requests),
    ...shares.flatMap(shareLines),
  ];
  if (shares_left_out > 0) lines.push(`  … and ${shares_left_out} more pools`);
  if (mapping !== 'enforced')
    lines.push(`  Mapping is ${mapping === 'off' ? 'off' : 'in shadow'}: as if it were enforced.`);
  return `${lines.join('\n')}\n`;
}

const figuresLine = (what: string, { total, changed, unknown }: Figures): string =>
  `${changed} of ${total} ${what}${unknown > 0 ? ` (of ${unknown} the key was not seen since the start)` : ''}`;

/** Returns one line per tenant, the most frequent first. */
function moveLines({ tenants, tenants_left_out }: Figures): string[] {
  const shown = tenants.slice(0, movesShown);
  const left = tenants.length - shown.length + tenants_left_out;
  const lines = shown.map(
    ({ from, to, count, from_tenant, to_tenant }) =>
      `    ${count}: P${from} → P${to}  ${tenant(from_tenant)}${from_tenant === to_tenant ? '' : ` → ${tenant(to_tenant)}`}`,
  );
  return left > 0 ? [...lines, `    … and ${left} more moves (--json has them)`] : lines;
}

/** Returns the shares of a pool for the case that all recently active tenants want more than there is. */
function shareLines({ pool, policy, share_by, tenants, tenants_left_out }: PoolShares): string[] {
  const left = tenants.length - movesShown + tenants_left_out;
  const width = Math.max(...tenants.map(({ before, after }) => nameOf(before, after).length));
  return [
    `  shares of pool ${visible(pool)} (${policy}, by ${share_by}) if all who were active wanted more than there is`,
    ...tenants
      .slice(0, movesShown)
      .map(
        ({ before, after }) =>
          `    ${nameOf(before, after).padEnd(width)}  ${standingText(before)} → ${standingText(after)}`,
      ),
    ...(left > 0 ? [`    … and ${left} more tenants (--json has the first 50)`] : []),
  ];
}

function nameOf(before: Standing | null, after: Standing | null): string {
  const [from, to] = [before, after].map(one => one && visible(one.flow_id));
  return from && to && from !== to ? `${from} → ${to}` : (from ?? to ?? '');
}

function standingText(standing: Standing | null): string {
  if (standing === null) return '–';
  const { level, share, behind } = standing;
  if (share === null)
    return `P${level} ${behind.length === 0 ? 'before all others' : `after all of ${levels(behind)}`}`;
  const percent = `P${level} ${(share * 100).toFixed(1)} %`;
  return behind.length === 0 ? percent : `${percent} of what ${levels(behind)} leave${behind.length === 1 ? 's' : ''}`;
}

/** P0, or P0, P2, or P0…P3. */
function levels(list: readonly number[]): string {
  const [first = 0] = list;
  const last = list.at(-1) ?? first;
  const isRun = list.length > 2 && last - first === list.length - 1;
  return isRun ? `P${first}…P${last}` : list.map(level => `P${level}`).join(', ');
}

const tenant = (id: string | null): string => (id === null ? '(no tenant)' : visible(id));
