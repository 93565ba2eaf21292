import { SaidOnce } from '../../domain/structures/said-once.ts';
import type { Events } from '../../telemetry/events.ts';
import type { ExternalMayRaise } from '../analysis/external-may-raise.ts';
import type { SettingFault } from '../rows/settings.ts';
import type { Loaded } from './snapshot-loader.ts';

type FaultEvents = Pick<
  Events,
  'mappingFaulty' | 'moreMappingsFaulty' | 'settingFaulty' | 'timingFaulty' | 'externalMayRaise'
>;

/** The most rows logged one by one after a reload. */
const mostTold = 100;

/** Tells of rows and settings that cannot be used, each reason once. */
export class ToldFaults {
  readonly #events: FaultEvents;
  readonly #ofRows = new SaidOnce<number>();
  readonly #ofSettings = new SaidOnce();
  readonly #ofTimings = new SaidOnce();
  readonly #ofRaising = new SaidOnce<'allow'>();

  constructor(events: FaultEvents) {
    this.#events = events;
  }

  tell({ rows, timings }: Pick<Loaded, 'rows' | 'timings'>, settingFaults: readonly SettingFault[]): void {
    const events = this.#events;
    const faulty = this.#ofRows.news(faultsOf(rows));
    for (const [id, reason] of faulty.slice(0, mostTold)) events.mappingFaulty({ id, reason });
    if (faulty.length > mostTold) events.moreMappingsFaulty(faulty.length - mostTold);
    const settings = this.#ofSettings.news(new Map(settingFaults.map(({ key, reason }) => [key, reason])));
    for (const [key, reason] of settings) events.settingFaulty({ key, reason });
    for (const [what, reason] of this.#ofTimings.news(timingFaults(timings))) events.timingFaulty({ what, reason });
  }

  /** Logs the begin and the end of the condition, not each further tenant. */
  tellRaising(found: ExternalMayRaise | null): void {
    const isNew = found === null ? this.#ofRaising.isOver('allow') : this.#ofRaising.isNews('allow', '');
    if (isNew) this.#events.externalMayRaise(found);
  }
}

function faultsOf(rows: Loaded['rows']): Map<number, string> {
  const faults = new Map<number, string>();
  for (const { source, fault } of rows) if (fault !== null) faults.set(source.id, fault);
  return faults;
}

function timingFaults(timings: Loaded['timings']): Map<string, string> {
  const found = new Map<string, string>();
  for (const [mappingId, { faults }] of timings)
    for (const [row, reason] of faults) found.set(`${row} of mapping ${mappingId}`, reason);
  return found;
}
