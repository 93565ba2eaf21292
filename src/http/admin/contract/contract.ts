import { type Static, type TNull, type TOptional, type TProperties, type TSchema, type TUnion, Type } from 'typebox';
import type { PrioritySettings } from '../../../config/config.ts';
import { mappingTtlSec } from '../../../config/keys.ts';
import { recordedTables } from '../../../db/recorded-tables.ts';
import { apiKeyRow, changeKinds, historyRow, userRow } from '../../../db/schema.ts';
import { shownMapping as mapping, type ShownMapping } from '../../../domain/mapping.ts';
import { field, fields, id, moment, nullable, ofEach, oneOf, priority } from '../../../domain/shape.ts';
import {
  mappingModes,
  matchTypes,
  roles,
  settingSources,
  tenantTypes,
  userStatuses,
  xPriorityPolicies,
} from '../../../domain/vocabulary.ts';
import { keyStates } from '../../../identity/identity.ts';
import {
  mappingSorts,
  mappingStates,
  maxDescriptionLength,
  maxNameLength,
  maxPatternLength,
  sortOrders,
} from '../../../priority/priority.ts';

/* Every body, query and answer of the admin API, written once, here or in the room that makes it. */
export const text = (maxLength: number) =>
  field(Type.String({ minLength: 1, maxLength }), `a text of 1 to ${maxLength} characters`);
export const orNull = <T extends TSchema & { description?: string }>(schema: T) =>
  field(nullable(schema), `${schema.description}, or null`);
const { Optional } = Type;

export const rowId = field(
  Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }),
  'the id of a row, a whole number from 1',
);
const describedMoment = field(moment, 'a moment');
const flag = field(Type.Boolean(), 'true or false');
export const page = {
  limit: Optional(field(Type.Integer({ minimum: 1, maximum: 1000 }), 'a whole number from 1 to 1000')),
  offset: Optional(field(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), 'a whole number from 0')),
};

/** The description of a mapping or a schedule. */
export const description = Optional(
  orNull(
    field(Type.String({ maxLength: maxDescriptionLength }), `a text of at most ${maxDescriptionLength} characters`),
  ),
);
const mappingFields = {
  pattern: text(maxPatternLength),
  priority,
  match_type: oneOf(matchTypes),
  tenant_id: Optional(orNull(text(maxNameLength))),
  tenant_name: Optional(orNull(text(maxNameLength))),
  tenant_type: Optional(orNull(oneOf(tenantTypes))),
  description,
  enabled: Optional(flag),
};
export const newMapping = fields(mappingFields);
export const mappingPatch = fields({
  ...mappingFields,
  pattern: Optional(mappingFields.pattern),
  priority: Optional(priority),
  match_type: Optional(mappingFields.match_type),
});
export const mappingFilter = fields({
  tenant_type: Optional(oneOf(tenantTypes)),
  tenant_id: Optional(text(maxNameLength)),
  priority: Optional(priority),
  enabled: Optional(flag),
  match_type: Optional(oneOf(matchTypes)),
  state: Optional(oneOf(mappingStates)),
  q: Optional(text(255)),
  sort: Optional(oneOf(mappingSorts)),
  order: Optional(oneOf(sortOrders)),
  ...page,
});
/**
 * The number of external tenants that may take better levels than their own by X-Priority, and the remedy; null: none.
 */
export const mayRaise = nullable(fields({ tenants: Type.Integer({ minimum: 1 }), message: Type.String() }));
export { mapping };
export const listedMapping = fields({
  ...mapping.properties,
  /** The requests per minute that this gateway classified by it, in the last five minutes. */
  requests_per_min: Type.Number({ minimum: 0 }),
  /** The requests of its tenant that took a better level than their own by X-Priority, here, since the start. */
  raised_requests: Type.Integer({ minimum: 0 }),
  /** Why no key can ever get it, and the IDs of the rows that hide it. */
  never_wins: nullable(fields({ message: Type.String(), by: Type.Array(id) })),
});
/** `checked_at`: the end of the search for rows that never win; null: unfinished for the present rows. */
export const mappingList = fields({
  mappings: Type.Array(listedMapping),
  total: Type.Integer(),
  checked_at: orNull(describedMoment),
  external_may_raise: mayRaise,
});
export const reloaded = fields({
  success: Type.Literal(true),
  message: Type.String(),
  reloaded_count: Type.Integer(),
  reload_time_ms: Type.Number(),
});

/** The limits are those of the file; api_key_priority_config obeys the same. */
const settingFields = {
  enabled: flag,
  default_priority: priority,
  cache_ttl_sec: field(
    Type.Integer({ minimum: mappingTtlSec.least, maximum: mappingTtlSec.most }),
    `a whole number of seconds from ${mappingTtlSec.least} to ${mappingTtlSec.most}`,
  ),
  x_priority: oneOf(xPriorityPolicies),
  mode: oneOf(mappingModes),
} satisfies Record<keyof PrioritySettings, TSchema>;
const settingSource = oneOf(settingSources);
export const settings = fields({
  ...settingFields,
  source: fields(ofEach(settingFields, () => settingSource)),
});

/** Each field keeps its own type. */
type OrNull<Fields extends TProperties> = { [Key in keyof Fields]: TOptional<TUnion<[Fields[Key], TNull]>> };
const eachOrNull = <Fields extends TProperties>(given: Fields) =>
  ofEach(given, key => Optional(orNull(given[key] as TSchema))) as OrNull<Fields>;

/** Null removes the row, so that environment, file or default apply again. */
export const settingsPatch = fields(eachOrNull(settingFields));

/** The mappings in effect: when they were read, and by when they are read again at the latest. */
export const mappingStatus = fields({
  loaded_at: orNull(describedMoment),
  usable: Type.Integer({ minimum: 0 }),
  faulty: Type.Integer({ minimum: 0 }),
  /** The last reload failed, so the mappings in effect may be older than the tables. */
  degraded: Type.Boolean(),
  enabled: settingFields.enabled,
  mode: settingFields.mode,
  default_priority: settingFields.default_priority,
  cache_ttl_sec: settingFields.cache_ttl_sec,
  next_reload_by: orNull(describedMoment),
});

const displayName = Optional(orNull(text(256)));
export const newUser = fields({
  email: field(Type.String(), 'an e-mail address'),
  role: oneOf(roles),
  display_name: displayName,
});
export const userPatch = fields({
  status: Optional(oneOf(userStatuses)),
  role: Optional(oneOf(roles)),
  display_name: displayName,
});
export const pageQuery = fields(page);
export const userFilter = fields({
  q: Optional(text(255)),
  role: Optional(oneOf(roles)),
  status: Optional(oneOf(userStatuses)),
  ...page,
});
export const user = userRow;
export const userList = fields({ users: Type.Array(user), total: Type.Integer() });

const scopes = field(Type.Array(text(100), { maxItems: 100 }), 'a list of at most 100 texts of 1 to 100 characters');
const instant = field(
  Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[+-]\\d\\d:\\d\\d)$' }),
  'a moment such as 2030-01-31T12:00:00Z',
);
export const newApiKey = fields({
  user_id: rowId,
  prefix: Optional(
    orNull(
      field(
        Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,31}$' }),
        '1 to 32 of a-z, 0-9, _ and -, beginning with a letter or digit',
      ),
    ),
  ),
  scopes: Optional(orNull(scopes)),
  expires_at: Optional(orNull(instant)),
});
/** `q`: the beginning of the key, as far as it is stored. */
export const apiKeyFilter = fields({ user_id: Optional(rowId), q: Optional(text(64)), ...page });
const { key_hash: _hidden, ...shownColumns } = apiKeyRow.properties;
export const apiKey = fields({ ...shownColumns, scopes: nullable(Type.Array(Type.String())) });
/** The only answer that carries a key. */
export const drawnApiKey = fields({ ...apiKey.properties, key: Type.String() });
/** `last_used_at`: the end of its last request to a model, here; null: none since `counted_since`. */
export const listedApiKey = fields({
  ...apiKey.properties,
  user_email: userRow.properties.email,
  last_used_at: orNull(describedMoment),
});
/** A whole key is looked up by its hash, so that the key itself is not sent. */
export const keyQuestion = fields({
  key_hash: field(Type.String({ pattern: '^[0-9a-f]{64}$' }), 'the SHA-256 of a whole key: 64 digits of 0-9 and a-f'),
});
export const foundApiKey = fields({
  ...listedApiKey.properties,
  state: oneOf(keyStates),
  counted_since: describedMoment,
});
export const apiKeyList = fields({
  api_keys: Type.Array(listedApiKey),
  total: Type.Integer(),
  /** Present if `total` is an estimate: for a list without filters that is too long to be counted each time. */
  total_estimated: Optional(Type.Literal(true)),
  counted_since: describedMoment,
});

const entryId = field(Type.Integer({ minimum: 1, maximum: 2 ** 53 - 1 }), 'the id of an entry, a whole number from 1');
export const historyFilter = fields({
  object: Optional(oneOf(recordedTables.map(({ object }) => object))),
  object_id: Optional(text(1000)),
  actor: Optional(text(255)),
  kind: Optional(oneOf(changeKinds)),
  from: Optional(instant),
  to: Optional(instant),
  before_id: Optional(entryId),
  ...page,
});
export const historyEntry = historyRow;
export const historyList = fields({ history: Type.Array(historyEntry), total: Type.Integer() });
/** `entry`: that of the restore; null if the object was in that state already. */
export const restored = fields({
  success: Type.Literal(true),
  message: Type.String(),
  entry: nullable(historyEntry),
});

export const noQuery = fields({});
export const success = fields({ success: Type.Literal(true), message: Type.String() });

export type NewMapping = Static<typeof newMapping>;
export type MappingPatch = Static<typeof mappingPatch>;
export type MappingFilter = Static<typeof mappingFilter>;
export type Mapping = ShownMapping;
export type ListedMapping = Static<typeof listedMapping>;
export type MappingList = Static<typeof mappingList>;
export type MappingStatus = Static<typeof mappingStatus>;
export type NewUser = Static<typeof newUser>;
export type UserPatch = Static<typeof userPatch>;
export type UserFilter = Static<typeof userFilter>;
export type User = Static<typeof user>;
export type UserList = Static<typeof userList>;
export type NewApiKey = Static<typeof newApiKey>;
export type ApiKeyFilter = Static<typeof apiKeyFilter>;
export type ListedApiKey = Static<typeof listedApiKey>;
export type FoundApiKey = Static<typeof foundApiKey>;
export type DrawnApiKey = Static<typeof drawnApiKey>;
export type ApiKeyList = Static<typeof apiKeyList>;
export type HistoryFilter = Static<typeof historyFilter>;
export type HistoryEntry = Static<typeof historyEntry>;
export type HistoryList = Static<typeof historyList>;
export type Restored = Static<typeof restored>;
export type Reloaded = Static<typeof reloaded>;
export type Settings = Static<typeof settings>;
export type SettingsPatch = Static<typeof settingsPatch>;
