import type { Identity } from '../../../domain/vocabulary.ts';
import type { Linted } from '../../../priority/priority.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { type Finding, lintQuery, lintReport } from '../contract/inspect.ts';

/** The parts of the inspector that this route uses. */
export interface LintService {
  lint(): Promise<Linted>;
}

export function lintRoutes(app: AdminApp, inspector: LintService): void {
  app.get(
    '/api-key-priority/lint',
    {
      config: { roles: admins },
      schema: {
        summary: 'Mappings and keys that look like mistakes',
        querystring: lintQuery,
        response: { 200: lintReport },
      },
    },
    async request => {
      const { findings, ...rest } = await inspector.lint();
      return { findings: shownTo(callerOf(request), findings, request.query.limit ?? 100), ...rest };
    },
  );
}

/** A gateway_admin sees the keys of gateway_users only, as in the list of keys; `limit` applies to each kind. */
function shownTo({ role }: Identity, findings: Linted['findings'], limit: number): Finding[] {
  const counts = new Map<string, number>();
  const shown: Finding[] = [];
  for (const { ownerRole, ...finding } of findings) {
    if (ownerRole !== null && ownerRole !== 'gateway_user' && role !== 'root_admin') continue;
    const count = counts.get(finding.kind) ?? 0;
    counts.set(finding.kind, count + 1);
    if (count < limit) shown.push(finding);
  }
  return shown;
}
