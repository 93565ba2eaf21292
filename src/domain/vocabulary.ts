/** The words that all rooms share. One word per idea; docs/architecture.md explains them. */

export const levelCount = 10;
/** P0 (best) … P9. */
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
export const allLevels: readonly Level[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
export const isLevel = (value: unknown): value is Level =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < levelCount;

export const editions = ['personal', 'team'] as const;
export type Edition = (typeof editions)[number];

/** Longer keys are refused unread, so that no client can make us hash or remember megabytes. */
export const maxKeyBytes = 256;

export const dialects = ['openai', 'anthropic'] as const;
/** The wire format of a route; it decides error shapes and header names. */
export type Dialect = (typeof dialects)[number];

/** The events of a stream: chunks of completions, Anthropic's messages, or OpenAI's Responses. */
export type StreamShape = 'chunks' | 'messages' | 'responses';

export const roles = ['root_admin', 'gateway_admin', 'gateway_user'] as const;
export type Role = (typeof roles)[number];
/** The roles that may call admin routes and sign in to the console. */
export const adminRoles: readonly Role[] = ['root_admin', 'gateway_admin'];
export const userStatuses = ['active', 'inactive'] as const;
export type UserStatus = (typeof userStatuses)[number];

export const matchTypes = ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const;
export type MatchType = (typeof matchTypes)[number];
export const tenantTypes = ['internal', 'external'] as const;
export type TenantType = (typeof tenantTypes)[number];

/** Which keys may choose a level by the X-Priority header; a level that is not allowed is clamped, not refused. */
export const xPriorityPolicies = ['allow', 'internal', 'lower', 'ignore'] as const;
export type XPriorityPolicy = (typeof xPriorityPolicies)[number];

/** Whether mappings are enforced, or only evaluated and counted beside the default. */
export const mappingModes = ['enforce', 'shadow'] as const;
export type MappingMode = (typeof mappingModes)[number];

export const policies = ['strict', 'wfq', 'hybrid'] as const;
/** How levels share the seats of a pool. */
export type Policy = (typeof policies)[number];

export const shareBys = ['level', 'tenant'] as const;
/** Whether a level's weight belongs to the level, so that its tenants share it, or to each of its tenants. */
export type ShareBy = (typeof shareBys)[number];

/** The sender of a request: the result of authentication. All fields are null where requests need no key. */
export interface Identity {
  readonly keyId: number | null;
  readonly userId: number | null;
  readonly role: Role | null;
}

/** The parts of a request that the classifier reads; `key` is null where keys are not mapped. */
export interface Classifiable {
  readonly identity: Identity;
  readonly key: string | null;
  /** The X-Priority header as the client sent it; undefined if it sent none. */
  readonly asked: string | string[] | undefined;
}

export type LevelSource = 'header' | 'mapping' | 'default';

/** The decision that assigns a request to its lane. */
export interface Classification {
  readonly level: Level;
  readonly source: LevelSource;
  /** The tenant's queue within a level: tenant id, `mapping:<id>`, `user:<id>` or `anonymous`. */
  readonly flowId: string;
  readonly mappingId: number | null;
  /** The header gave the request a better level than that of its mapping or the default. */
  readonly isRaised: boolean;
}

/** Throws `errors.invalidRequest` for a malformed X-Priority. Never does I/O. */
export type Classify = (request: Classifiable) => Classification;

/** Where a configured value may come from, the strongest first. */
export const settingSources = ['database', 'environment', 'file', 'default'] as const;
export type SettingSource = (typeof settingSources)[number];
/** A configured value and its source. */
export interface Setting<T> {
  readonly value: T;
  readonly source: SettingSource;
}
