/** The front door: which key gets which tenant and priority. */
import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import { readDisabled } from './disabled-store.ts';
import { DryRun, type DryRunParts } from './dry-run.ts';
import { History, type HistoryParts } from './history.ts';
import { HistoryStore } from './history-store.ts';
import { Inspector, type InspectorParts } from './inspector.ts';
import { Mapper, type MapperParts } from './mapper.ts';
import { MappingList, type MappingListParts } from './mapping-list.ts';
import { MappingListStore } from './mapping-list-store.ts';
import { MappingStore } from './mapping-store.ts';
import { RehearsalStore } from './rehearsal-store.ts';
import { TimingStore } from './timing-store.ts';
import { Timings, type TimingsParts } from './timings.ts';
import { Transfer, type TransferParts } from './transfer.ts';
import { TransferStore } from './transfer-store.ts';

export { defaultClassify } from './classifier.ts';
export type { DryRun, Impact, Tried } from './dry-run.ts';
export { type Explanation, type Question, standings } from './explain.ts';
export type { ExternalMayRaise } from './external-may-raise.ts';
export type { Finding } from './findings.ts';
export { findingKinds } from './findings.ts';
export type { History } from './history.ts';
export type { Inspector } from './inspector.ts';
export type { Linted } from './lint.ts';
export type { ListedMapping, Mapper } from './mapper.ts';
export type { MapperStatus, Reloaded } from './mapper-status.ts';
export type { MappingFilter } from './mapping-filter.ts';
export { mappingSorts, mappingStates, sortOrders } from './mapping-filter.ts';
export type { MappingList, MappingPage } from './mapping-list.ts';
export type { MappingPatch, NewMapping } from './mapping-rules.ts';
export type { Mapping } from './matcher.ts';
export type { SettingsPatch } from './settings.ts';
export type { HeldBoost, Timings } from './timings.ts';
export type { DocumentFormat, Imported, ImportFile, ImportOptions, Transfer } from './transfer.ts';

/** `db`: PostgreSQL with the mapping tables. */
export const createMapper = ({
  db,
  ...parts
}: Omit<MapperParts, 'store'> & { readonly db: Kysely<Database> }): Mapper =>
  new Mapper({ ...parts, store: new MappingStore(db) });

/** Answers questions about the mappings that `mapper` serves. */
export const createInspector = ({
  mapper,
  db,
  ...parts
}: Pick<InspectorParts, 'keys' | 'clock' | 'events'> & {
  readonly mapper: Mapper;
  readonly db: Kysely<Database>;
}): Inspector =>
  new Inspector({
    ...parts,
    serving: () => mapper.serving(),
    settings: () => mapper.settings(),
    readDisabled: () => readDisabled(db),
  });

/** The mappings that `mapper` serves, and those that it does not, as they are listed. */
export const createMappingList = ({
  db,
  ...parts
}: Omit<MappingListParts, 'store'> & { readonly db: Kysely<Database> }): MappingList =>
  new MappingList({ ...parts, store: new MappingListStore(db) });

export const createHistory = ({
  db,
  ...parts
}: Omit<HistoryParts, 'store'> & { readonly db: Kysely<Database> }): History =>
  new History({ ...parts, store: new HistoryStore(db) });

/** Boosts and schedules of the mappings that `mapper` serves. */
export const createTimings = ({
  db,
  ...parts
}: Omit<TimingsParts, 'store'> & { readonly db: Kysely<Database> }): Timings =>
  new Timings({ ...parts, store: new TimingStore(db) });

/** Changes tried and files taken in, of the mappings that `mapper` serves. */
export function createTransfer({
  db,
  events,
  ...parts
}: Omit<DryRunParts, 'store'> & Pick<TransferParts, 'events'> & { readonly db: Kysely<Database> }): {
  dryRun: DryRun;
  transfer: Transfer;
} {
  const dryRun = new DryRun({ ...parts, store: new RehearsalStore(db) });
  const { mapper, clock } = parts;
  return { dryRun, transfer: new Transfer({ mapper, clock, events, dryRun, store: new TransferStore(db, clock) }) };
}
