import type { Level } from '../../domain/vocabulary.ts';
import { type GatewayClient, levelOf } from './client.ts';
import { emailOf, type Tenant, tenants } from './tenants.ts';

export interface TenantKey {
  readonly tenant: Tenant;
  readonly key: string;
  /** The level of the key's requests now; null if its user was made inactive. */
  readonly level: Level | null;
}

interface User {
  readonly id: number;
  readonly email: string;
  readonly status: string;
}

interface Parts {
  readonly gateway: GatewayClient;
  readonly kept: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/**
 * Provides a working key for every tenant. A tenant without a user is new: it gets its mapping, its user and a key, in
 * this order, so that the next start completes an interrupted one. If the user exists, the operator may have edited or
 * deleted the mapping, so it is left alone; only a key that no longer works is replaced.
 */
export async function setUpTenants(parts: Parts): Promise<TenantKey[]> {
  const findUser = userFinder(parts.gateway);
  const keys: TenantKey[] = [];
  for (const tenant of tenants) keys.push(await setUpTenant(tenant, findUser, parts));
  return keys;
}

async function setUpTenant(tenant: Tenant, findUser: UserFinder, parts: Parts): Promise<TenantKey> {
  const { gateway, kept, signal } = parts;
  const keptKey = kept.get(tenant.id);
  const keptLevel = keptKey === undefined ? null : await levelOf(gateway.url, keptKey, signal);
  if (keptKey !== undefined && keptLevel !== null) return { tenant, key: keptKey, level: keptLevel };

  const known = await findUser(emailOf(tenant));
  if (keptKey !== undefined && known?.status === 'inactive') return { tenant, key: keptKey, level: null };
  const user = known ?? (await createTenant(tenant, gateway));
  const { key } = await gateway.admin<{ key: string }>('POST', '/admin/api-keys', {
    user_id: user.id,
    prefix: tenant.keyPrefix,
  });
  return { tenant, key, level: await levelOf(gateway.url, key, signal) };
}

async function createTenant(tenant: Tenant, gateway: GatewayClient): Promise<User> {
  const { id, name, type, level, keyPrefix, description } = tenant;
  await gateway.create('/admin/api-key-priority/mappings', {
    // With `_` before the star, so that tok_production_… does not match as well.
    pattern: `tok_${keyPrefix}_*`,
    match_type: 'prefix',
    priority: level,
    tenant_id: id,
    tenant_name: name,
    tenant_type: type,
    description,
  });
  return gateway.admin<User>('POST', '/admin/users', {
    email: emailOf(tenant),
    role: 'gateway_user',
    display_name: name,
  });
}

type UserFinder = (email: string) => Promise<User | null>;

const pageSize = 1000;

/** Reads the list of users once, at the first call. */
function userFinder(gateway: GatewayClient): UserFinder {
  let users: Promise<Map<string, User>> | null = null;
  const readAll = async () => {
    const byEmail = new Map<string, User>();
    for (let offset = 0, total = 1; offset < total; offset += pageSize) {
      const page = await gateway.admin<{ users: User[]; total: number }>(
        'GET',
        `/admin/users?limit=${pageSize}&offset=${offset}`,
      );
      for (const user of page.users) byEmail.set(user.email, user);
      total = page.total;
    }
    return byEmail;
  };
  return async email => {
    users ??= readAll();
    return (await users).get(email) ?? null;
  };
}
