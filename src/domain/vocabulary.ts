/** The words that every room shares. One word per idea; docs/architecture.md explains them. */

export const levelCount = 10;
/** P0 (best) … P9. */
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
export const allLevels: readonly Level[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
export const isLevel = (value: unknown): value is Level =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < levelCount;

export const editions = ['personal', 'team'] as const;
export type Edition = (typeof editions)[number];

/** Longer keys are refused unread, so that nobody can make us hash or remember megabytes. */
export const maxKeyBytes = 256;

/** The wire format of a route: it decides error shapes and header names. */
export type Dialect = 'openai' | 'anthropic';

/** What the events of a stream are: chunks of completions, Anthropic's messages, or OpenAI's Responses. */
export type StreamShape = 'chunks' | 'messages' | 'responses';

export const roles = ['root_admin', 'gateway_admin', 'gateway_user'] as const;
export type Role = (typeof roles)[number];
/** Who may call admin routes and sign in to the console. */
export const adminRoles: readonly Role[] = ['root_admin', 'gateway_admin'];
export const userStatuses = ['active', 'inactive'] as const;
export type UserStatus = (typeof userStatuses)[number];

export const matchTypes = ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const;
export type MatchType = (typeof matchTypes)[number];
export const tenantTypes = ['internal', 'external'] as const;
export type TenantType = (typeof tenantTypes)[number];

/** Who may choose a level by the X-Priority header; what is not allowed is clamped, not refused. */
export const xPriorityPolicies = ['allow', 'internal', 'lower', 'ignore'] as const;
export type XPriorityPolicy = (typeof xPriorityPolicies)[number];

/** Whether what is mapped holds, or is only evaluated and counted beside the default. */
export const mappingModes = ['enforce', 'shadow'] as const;
export type MappingMode = (typeof mappingModes)[number];

export const policies = ['strict', 'wfq', 'hybrid'] as const;
/** How levels share the seats of a pool. */
export type Policy = (typeof policies)[number];

export const shareBys = ['level', 'tenant'] as const;
/** Whose the weight of a level is: the level's, so that its tenants share it, or that of each of its tenants. */
export type ShareBy = (typeof shareBys)[number];

/** Who sent a request: the outcome of authentication. All null: nobody had to say who they are. */
export interface Identity {
  readonly keyId: number | null;
  readonly userId: number | null;
  readonly role: Role | null;
}

/** What the classifier needs of a request; `key` is null where no key may be mapped. */
export interface Classifiable {
  readonly identity: Identity;
  readonly key: string | null;
  /** The X-Priority header as the client sent it; undefined when it did not. */
  readonly asked: string | string[] | undefined;
}

export type LevelSource = 'header' | 'mapping' | 'default';

/** The decision that puts a request in its lane. */
export interface Classification {
  readonly level: Level;
  readonly source: LevelSource;
  /** The tenant's queue within a level: tenant id, `mapping:<id>`, `user:<id>` or `anonymous`. */
  readonly flowId: string;
  readonly mappingId: number | null;
  /** The header gave it a better level than its own, that of its mapping or the default. */
  readonly isRaised: boolean;
}

/** Throws `errors.invalidRequest` for a malformed X-Priority. Never does I/O. */
export type Classify = (request: Classifiable) => Classification;

export type SettingSource = 'database' | 'environment' | 'file' | 'default';
/** A configured value and where it came from. */
export interface Setting<T> {
  readonly value: T;
  readonly source: SettingSource;
}
