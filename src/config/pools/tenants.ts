import type { TenantConfig } from '../config.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { tenantKeys } from '../keys.ts';
import type { Values } from '../values.ts';

type Read = Values<typeof tenantKeys>;

/** The parts of one `[tenant.TENANT_ID]` that could be read; a part at fault is missing. */
export interface TenantRead {
  readonly tenantId: string;
  readonly read: Partial<Read>;
}

const prefix = 'tenant.';

export const readTenants = (written: SettingFile, reader: SettingsReader): TenantRead[] =>
  [...written.keys()]
    .filter(section => section.startsWith(prefix))
    .map(section => ({ tenantId: section.slice(prefix.length), read: reader.read(section, tenantKeys) }));

/** To be called only if there are no faults. */
export const toTenant = ({ tenantId, read }: TenantRead): TenantConfig => {
  const { weight, max_concurrent, requests_per_sec, tokens_per_sec, max_queue_depth } = read as Read;
  return {
    tenantId,
    weight: weight.value,
    maxConcurrent: max_concurrent.value,
    requestsPerSec: requests_per_sec.value,
    tokensPerSec: tokens_per_sec.value,
    maxQueueDepth: max_queue_depth.value,
  };
};
