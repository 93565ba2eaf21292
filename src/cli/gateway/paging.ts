import type { ApiKeyList, MappingList, UserList } from '../../http/admin/contract/contract.ts';
import type { RouteList } from '../../http/admin/contract/route.ts';
import type { AdminClient, CallOptions } from './client.ts';

/** The lists of the admin API, by their names in the answer. */
interface Lists {
  readonly mappings: MappingList;
  readonly users: UserList;
  readonly api_keys: ApiKeyList;
  readonly routes: RouteList;
}
type RowOf<Name extends keyof Lists> = Lists[Name] extends { readonly [Field in Name]: readonly (infer Row)[] }
  ? Row
  : never;
type Answer<Name extends keyof Lists> = Lists[Name] & {
  readonly [Field in Name]: readonly RowOf<Name>[];
} & Pick<Partial<ApiKeyList>, 'total_estimated'>;

const pageSize = 1_000;

export interface PageFlags {
  readonly limit?: number;
  readonly offset?: number;
}

/**
 * Returns all rows of a list, page by page, or as many as the limit. `answer` is the last page, for its other fields.
 */
export async function listRows<Name extends keyof Lists>(
  gateway: AdminClient,
  { path, name, query = {} }: { path: string; name: Name; query?: CallOptions['query'] },
  { limit = Number.POSITIVE_INFINITY, offset = 0 }: PageFlags = {},
): Promise<{ rows: RowOf<Name>[]; total: number; answer: Answer<Name> }> {
  const rows: RowOf<Name>[] = [];
  for (;;) {
    const size = Math.min(pageSize, limit - rows.length);
    const answer = await gateway.call<Answer<Name>>('GET', path, {
      query: { ...query, limit: size, offset: offset + rows.length },
    });
    const page: readonly RowOf<Name>[] = answer[name];
    const { total } = answer;
    rows.push(...page);
    const isEstimated = 'total_estimated' in answer && answer.total_estimated === true;
    const isAll = !isEstimated && offset + rows.length >= total;
    if (page.length < size || rows.length >= limit || isAll) return { rows, total, answer };
  }
}

export const countLine = (shown: number, total: number | string, one: string, many: string): string =>
  shown === total ? `${total} ${total === 1 ? one : many}\n` : `${shown} of ${total} ${many}\n`;
