import type { Outcome } from '../domain/outcome.ts';
import type { Level, TenantType } from '../domain/vocabulary.ts';

/** One function per business event: its log line and its metrics. */
export interface Events {
  requestEnded(outcome: Outcome): void;
  /** Debug line only: `Mapped API key tok_prod... to priority P0 (tenant: …)`. */
  keyMapped(key: string, level: Level, tenantName: string | null): void;
  mappingsReloaded(reload: { usable: number; internalTenants: number; externalTenants: number; durationMs: number }): void;
  mappingsReloadFailed(error: unknown): void;
  mappingAdded(mapping: {
    tenantId: string | null;
    tenantType: TenantType | null;
    pattern: string;
    exact: boolean;
    priority: number;
  }): void;
  /** A row that cannot be used; said once per row and reason. */
  mappingFaulty(mapping: { id: number; reason: string }): void;
  /** A value of api_key_priority_config that cannot be used. */
  settingFaulty(setting: { key: string; reason: string }): void;
  info(message: string): void;
  warn(message: string): void;
  /** `error` goes to the log only, without keys or bodies. */
  error(message: string, error?: unknown): void;
}
