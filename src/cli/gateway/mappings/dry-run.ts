/** Dry runs of changes of mappings. */

import { visible } from '../output.ts';
import type { Session } from '../session.ts';
import { type Impact, impactText } from './impact-text.ts';
import type { Mapping } from './mapping-table.ts';

export interface DryRunFlag {
  readonly dryRun?: true;
}

export const dryRun = [
  '--dry-run',
  'write nothing; say what it would do to keys, to the requests of the last hour and to the shares of tenants',
] as const;

interface TriedChange {
  readonly impact: Impact;
  readonly warnings?: Mapping['warnings'];
}

export async function tryOut(session: Session, method: string, path: string, body?: object): Promise<void> {
  const query = { dry_run: true };
  const answer = await session.gateway().call<TriedChange>(method, path, { query, body });
  session.show(answer, () => impactText(answer.impact));
  showWarnings(session, answer.warnings);
}

/** JSON output contains the warnings already. */
export function showWarnings(session: Session, warnings: Mapping['warnings']): void {
  if (session.json) return;
  for (const { message } of warnings ?? []) session.note(`warning: ${visible(message)}`);
}
