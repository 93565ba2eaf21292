import { parseInstant } from '../../../domain/text/instant.ts';
import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins } from '../access.ts';
import { type HistoryEntry, type HistoryFilter, historyFilter, historyList, restored } from '../contract/contract.ts';
import { rowIdOf } from '../validation.ts';
import { type WriteBy, writeBy } from './write-by.ts';

/** The parts of the history that these routes use. They throw `notFound`, `conflict` and `stale` themselves. */
export interface HistoryService {
  list(
    filter: HistoryFilter & { limit: number; offset: number },
  ): Promise<{ readonly history: HistoryEntry[]; readonly total: number }>;
  /** `entry`: that of the restoring, null where nothing had to be changed. */
  restore(id: number, by: WriteBy): Promise<{ readonly of: HistoryEntry; readonly entry: HistoryEntry | null }>;
}

const config = { roles: admins };
const url = '/api-key-priority/history';

export function historyRoutes(app: AdminApp, history: HistoryService, identities: Identities): void {
  app.get(
    url,
    {
      config,
      schema: { summary: 'List changes, newest first', querystring: historyFilter, response: { 200: historyList } },
    },
    ({ query }) => {
      const { from, to, ...rest } = query;
      return history.list({
        limit: 100,
        offset: 0,
        ...rest,
        ...(from === undefined ? {} : { from: parseInstant(from, 'from') }),
        ...(to === undefined ? {} : { to: parseInstant(to, 'to') }),
      });
    },
  );

  app.post(
    `${url}/:id/restore`,
    { config, schema: { summary: 'Put an object back to its state after a change', response: { 200: restored } } },
    async request => {
      const id = rowIdOf(request.params, 'entry');
      const { of, entry } = await history.restore(id, await writeBy(request, identities));
      const what = `${of.object} ${of.object_id}`;
      const message =
        entry === null ? `The ${what} was in that state already.` : `The ${what} is as it was after entry ${id}.`;
      return { success: true as const, message, entry };
    },
  );
}
