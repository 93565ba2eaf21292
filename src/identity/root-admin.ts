import type { Clock } from '../domain/clock.ts';
import { GatewayError } from '../domain/errors.ts';
import { maxKeyBytes } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import { drawKey, givenKeyColumns, keyColumns } from './api-key.ts';
import { parseEmail } from './email.ts';
import { IdentityFault } from './identity-fault.ts';
import type { RootAdminStore } from './root-admin-store.ts';

export interface AdminConfig {
  readonly adminEmail: string;
  readonly adminKey: string | null;
}

interface RootAdminParts {
  readonly store: RootAdminStore;
  readonly clock: Clock;
  readonly events: Pick<Events, 'warn'>;
}

/**
 * Ensures that the admin routes can be used: the configured key always works, and without one a key is created when
 * there is no active root admin. Returns the new key, to be shown once.
 */
export async function ensureAdmin(
  parts: RootAdminParts,
  { adminEmail, adminKey }: AdminConfig,
): Promise<string | null> {
  const email = checkedEmail(adminEmail);
  if (adminKey !== null) {
    await installConfiguredKey(parts, email, adminKey);
    return null;
  }
  return drawFirstKey(parts, email);
}

async function installConfiguredKey(
  { store, clock, events }: RootAdminParts,
  email: string,
  key: string,
): Promise<void> {
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new IdentityFault(`auth.admin_key is longer than ${maxKeyBytes} bytes.`);
  const columns = givenKeyColumns(key);
  if (await store.hasRootKey(email, columns)) return;
  const { reactivated } = await store.installRootKey(email, columns, clock.date().toISOString());
  if (reactivated) events.warn(`Identity: ${email} was inactive; it is active again because auth.admin_key is set`);
}

async function drawFirstKey({ store, clock, events }: RootAdminParts, email: string): Promise<string | null> {
  const access = await store.rootAccess();
  if (access === 'keyless') {
    events.warn('Identity: no active root_admin has a key; set auth.admin_key and start again to get one');
  }
  if (access !== 'nobody') return null;
  const key = drawKey(null);
  const { stored } = await store.installFirstRootKey(email, keyColumns(key), clock.date().toISOString());
  return stored ? key : null;
}

function checkedEmail(text: string): string {
  try {
    return parseEmail(text);
  } catch (error) {
    if (error instanceof GatewayError) throw new IdentityFault(`auth.admin_email: ${error.message}`);
    throw error;
  }
}
