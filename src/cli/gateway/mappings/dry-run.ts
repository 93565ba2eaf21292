/** Dry runs of changes of mappings. */
import type { Finding } from '../../../http/admin/contract/inspect.ts';
import type { Tried } from '../../../http/admin/contract/transfer.ts';
import { visible } from '../output.ts';
import type { Session } from '../session.ts';
import { impactText } from './impact-text.ts';

export interface DryRunFlag {
  readonly dryRun?: true;
}

export const dryRun = [
  '--dry-run',
  'write nothing; say what it would do to keys, to the requests of the last hour and to the shares of tenants',
] as const;

export async function tryOut(session: Session, method: string, path: string, body?: object): Promise<void> {
  const query = { dry_run: true };
  const answer = await session.gateway().call<Tried>(method, path, { query, body });
  session.show(answer, () => impactText(answer.impact));
  showWarnings(session, answer.warnings);
}

/** JSON output contains the warnings already. */
export function showWarnings(session: Session, warnings: readonly Finding[]): void {
  if (session.json) return;
  // A gateway of another version may omit them.
  for (const { message } of warnings ?? []) session.note(`warning: ${visible(message)}`);
}
