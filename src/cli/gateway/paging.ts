import type { AdminClient, CallOptions } from './client.ts';

const pageSize = 1_000;

export interface PageFlags {
  readonly limit?: number;
  readonly offset?: number;
}

/**
 * Returns all rows of a list, page by page, or as many as the limit. `answer` is the last page, for its other fields.
 */
export async function listRows<Row>(
  gateway: AdminClient,
  { path, name, query = {} }: { path: string; name: string; query?: CallOptions['query'] },
  { limit = Number.POSITIVE_INFINITY, offset = 0 }: PageFlags = {},
): Promise<{ rows: Row[]; total: number; answer: Readonly<Record<string, unknown>> }> {
  const rows: Row[] = [];
  for (;;) {
    const size = Math.min(pageSize, limit - rows.length);
    const answer = await gateway.call<Record<string, unknown>>('GET', path, {
      query: { ...query, limit: size, offset: offset + rows.length },
    });
    const page = answer[name] as Row[];
    const total = answer.total as number;
    rows.push(...page);
    const isAll = answer.total_estimated !== true && offset + rows.length >= total;
    if (page.length < size || rows.length >= limit || isAll) return { rows, total, answer };
  }
}

export const countLine = (shown: number, total: number | string, one: string, many: string): string =>
  shown === total ? `${total} ${total === 1 ? one : many}\n` : `${shown} of ${total} ${many}\n`;
