import type { Identities } from '../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from './access.ts';
import {
  apiKeyFilter,
  apiKeyList,
  drawnApiKey,
  foundApiKey,
  keyQuestion,
  newApiKey,
  success,
} from './contract/contract.ts';
import { rowIdOf } from './validation.ts';

const config = { roles: admins };
const list = {
  config,
  schema: { summary: 'List what is known of the keys', querystring: apiKeyFilter, response: { 200: apiKeyList } },
};
const lookup = {
  config,
  schema: { summary: 'Find a key by its hash', body: keyQuestion, response: { 200: foundApiKey } },
};
const draw = {
  config,
  schema: {
    summary: 'Draw a key; it is shown in this answer only',
    body: newApiKey,
    response: { 201: drawnApiKey },
  },
};
const revoke = { config, schema: { summary: 'Revoke a key', response: { 200: success } } };

/** The data of the list beside the rows. */
export interface KeyUseService {
  lastUse(keyId: number): Date | null;
  /** A key without a last use has had none since then. */
  readonly since: Date;
}

export function apiKeyRoutes(app: AdminApp, identities: Identities, uses: KeyUseService): void {
  const withUse = <Key extends { readonly id: number }>(key: Key) => ({
    ...key,
    last_used_at: uses.lastUse(key.id)?.toISOString() ?? null,
  });
  app.get('/api-keys', list, async request => {
    const { limit = 100, offset = 0, ...filter } = request.query;
    const { api_keys, ...totals } = await identities.listKeys(callerOf(request), filter, { limit, offset });
    return { api_keys: api_keys.map(withUse), ...totals, counted_since: uses.since.toISOString() };
  });

  app.post('/api-keys/lookup', lookup, async request => {
    const found = await identities.findKey(callerOf(request), request.body.key_hash);
    return { ...withUse(found), counted_since: uses.since.toISOString() };
  });

  app.post('/api-keys', draw, async (request, reply) =>
    // A key must not remain in a cache on the way.
    reply
      .code(201)
      .header('cache-control', 'no-store')
      .send(await identities.createKey(callerOf(request), request.body)),
  );

  app.delete('/api-keys/:id', revoke, async request => {
    const id = rowIdOf(request.params, 'API key');
    await identities.deleteKey(callerOf(request), id);
    return { success: true as const, message: `API key ${id} is deleted.` };
  });
}
