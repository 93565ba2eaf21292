import type { TenantShare } from '../../../../src/http/admin/contract/live.ts';

type Compare = (a: TenantShare, b: TenantShare) => number;

/** Rounded to whole percents, so that small changes each second do not reorder the rows. */
const gap = ({ served_share, entitled_share }: TenantShare) => Math.round((entitled_share - served_share) * 100);
const by =
  (value: (row: TenantShare) => number): Compare =>
  (a, b) =>
    value(a) - value(b);
const byName: Compare = (a, b) =>
  (a.tenant_name ?? a.flow_id).localeCompare(b.tenant_name ?? b.flow_id) ||
  a.flow_id.localeCompare(b.flow_id) ||
  a.level - b.level;

/** Strict levels first, in their order. */
const poolShare = ({ pool_share, behind }: TenantShare) => pool_share ?? 11 - behind.length;

const orders: Readonly<Record<string, Compare>> = {
  tenant: byName,
  level: by(row => row.level),
  waiting: by(row => row.waiting),
  running: by(row => row.running),
  served: by(row => row.served_share),
  entitled: by(row => row.entitled_share),
  pool_share: by(poolShare),
  gap: by(gap),
  weight: by(row => row.weight),
};

/** Sorts by a column; equal rows by how far they are below their entitlement, then by name. */
export function sortTenants(
  rows: readonly TenantShare[],
  column: string,
  direction: 'asc' | 'desc',
): readonly TenantShare[] {
  const order = orders[column] ?? byName;
  const sign = direction === 'asc' ? 1 : -1;
  return rows.toSorted((a, b) => sign * order(a, b) || gap(b) - gap(a) || byName(a, b));
}
