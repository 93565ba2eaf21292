/** How providers, endpoints and routes are put back as the history has them. It has no keys. */
import type { Restorer } from '../db/recorded-row.ts';
import { errors } from '../domain/errors.ts';
import type { LiveProviders } from './live-providers.ts';
import { readAll } from './provider-rows-store.ts';
import type { RowRules } from './row-rules.ts';

export function providerRestorers(live: LiveProviders, rules: RowRules) {
  const shared = { lock: 'providers', isForRoot: true, serve: () => live.reload() } as const;
  const checked: Restorer = {
    ...shared,
    async restore(trx, row, { after }) {
      const before = await readAll(trx);
      const isChanged = await row.become(after);
      // A provider and its endpoints come back one after the other; until then the row is at fault, and says so.
      if (isChanged && row.current !== null) rules.check(await readAll(trx), before);
      return isChanged;
    },
  };
  const key: Restorer = {
    ...shared,
    async restore(trx, row, { after }) {
      if (row.current === null && after !== null)
        throw errors.conflict('It cannot be restored: the history holds no keys. Enter the key again.');
      const before = await readAll(trx);
      // Another provider, or other origins, would not unseal.
      const shown = after === null ? null : { ...after, sealed: row.current?.sealed };
      const isChanged = await row.become(shown);
      if (isChanged) rules.check(await readAll(trx), before);
      return isChanged;
    },
  };
  return { provider: checked, provider_endpoint: checked, provider_key: key, model_route: checked };
}
