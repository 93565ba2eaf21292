/** The front door: which key gets which tenant and priority. */
import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import { Mapper, type MapperParts } from './mapper.ts';
import { MappingStore } from './mapping-store.ts';

export { defaultClassify } from './classifier.ts';
export type { ListedMapping, Mapper } from './mapper.ts';
export type { MapperStatus, Reloaded } from './mapper-status.ts';
export type { MappingPatch, NewMapping } from './mapping-rules.ts';
export type { MappingFilter } from './mapping-store.ts';
export type { Mapping } from './matcher.ts';
export type { SettingsPatch } from './settings.ts';

/** `db`: PostgreSQL with the mapping tables. */
export const createMapper = ({
  db,
  ...parts
}: Omit<MapperParts, 'store'> & { readonly db: Kysely<Database> }): Mapper =>
  new Mapper({ ...parts, store: new MappingStore(db) });
