/** The front door: which key gets which tenant and priority. */
import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { DryRun, type DryRunParts } from './asking/dry-run.ts';
import { Inspector, type InspectorParts } from './asking/inspector.ts';
import { MappingList, type MappingListParts } from './asking/mapping-list.ts';
import { readDisabled } from './rows/disabled-store.ts';
import { MappingListStore } from './rows/mapping-list-store.ts';
import { MappingStore } from './rows/mapping-store.ts';
import { RehearsalStore } from './rows/rehearsal-store.ts';
import { priorityRestorers } from './rows/restore-store.ts';
import { TimingStore } from './rows/timing-store.ts';
import { Mapper, type MapperParts } from './serving/mapper.ts';
import { Timings, type TimingsParts } from './serving/timings.ts';
import { Transfer, type TransferParts } from './transfer/transfer.ts';
import { TransferStore } from './transfer/transfer-store.ts';

export { type Explanation, type Question, standings } from './analysis/explain.ts';
export type { ExternalMayRaise } from './analysis/external-may-raise.ts';
export type { Linted } from './analysis/lint.ts';
export type { DryRun } from './asking/dry-run.ts';
export type { Inspector } from './asking/inspector.ts';
export type { MappingList } from './asking/mapping-list.ts';
export { defaultClassify } from './matching/classifier.ts';
export { maxPatternLength } from './matching/pattern.ts';
export { maxReasonLength } from './rows/boost-rules.ts';
export { mappingSorts, mappingStates, sortOrders } from './rows/mapping-filter.ts';
export { maxDescriptionLength, maxNameLength, type NewMapping } from './rows/mapping-rules.ts';
export type { Mapper } from './serving/mapper.ts';
export type { MapperStatus } from './serving/mapper-status.ts';
export type { Timings } from './serving/timings.ts';
export type { ImportFile, ImportOptions, Transfer } from './transfer/transfer.ts';

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

/** For the history: how what belongs to the mappings that `mapper` serves is put back. */
export const createPriorityRestorers = ({ mapper, clock }: { readonly mapper: Mapper; readonly clock: Clock }) =>
  priorityRestorers({ serve: () => mapper.written(Promise.resolve()), clock });

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
