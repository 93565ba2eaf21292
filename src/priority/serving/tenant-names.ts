import type { CompiledRow } from '../matching/matcher.ts';

/** The names of tenants by flow ID, read from the rows once per snapshot, at the first query. */
export class TenantNames {
  #rows: readonly CompiledRow[] | null = null;
  #names: ReadonlyMap<string, string> = new Map();

  /** `rows`: those that serve. Null where no row gives the flow a name; of several, the oldest row's. */
  find(flowId: string, rows: readonly CompiledRow[]): string | null {
    if (rows !== this.#rows) {
      this.#names = namesIn(rows);
      this.#rows = rows;
    }
    return this.#names.get(flowId) ?? null;
  }
}

function namesIn(rows: readonly CompiledRow[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { mapping } of rows) {
    if (mapping === null || mapping.tenant_name === null || names.has(mapping.flowId)) continue;
    names.set(mapping.flowId, mapping.tenant_name);
  }
  return names;
}
