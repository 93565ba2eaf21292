import type { Events } from '../../telemetry/events.ts';
import type { SettingFault } from '../rows/settings.ts';
import type { Loaded } from './snapshot-loader.ts';

/** Rows told one by one after a reload. */
const mostTold = 100;

/** Tells of rows and settings that cannot be used, each reason once. */
export class ToldFaults {
  readonly #events: Pick<Events, 'mappingFaulty' | 'moreMappingsFaulty' | 'settingFaulty' | 'timingFaulty'>;
  /** What was said last, by id and by key. */
  #ofRows = new Map<number, string>();
  #ofSettings = new Map<string, string>();
  #ofTimings = new Map<string, string>();

  constructor(events: Pick<Events, 'mappingFaulty' | 'moreMappingsFaulty' | 'settingFaulty' | 'timingFaulty'>) {
    this.#events = events;
  }

  tell({ rows, timings }: Pick<Loaded, 'rows' | 'timings'>, settingFaults: readonly SettingFault[]): void {
    const faulty = new Map<number, string>();
    let told = 0;
    for (const { source, fault } of rows) {
      if (fault === null) continue;
      faulty.set(source.id, fault);
      if (this.#ofRows.get(source.id) === fault) continue;
      if (++told <= mostTold) this.#events.mappingFaulty({ id: source.id, reason: fault });
    }
    if (told > mostTold) this.#events.moreMappingsFaulty(told - mostTold);
    this.#ofRows = faulty;
    for (const { key, reason } of settingFaults)
      if (this.#ofSettings.get(key) !== reason) this.#events.settingFaulty({ key, reason });
    this.#ofSettings = new Map(settingFaults.map(({ key, reason }) => [key, reason]));
    this.#tellTimings(timings);
  }

  #tellTimings(timings: Loaded['timings']): void {
    const faulty = new Map<string, string>();
    for (const [mappingId, { faults }] of timings)
      for (const [row, reason] of faults) faulty.set(`${row} of mapping ${mappingId}`, reason);
    for (const [what, reason] of faulty)
      if (this.#ofTimings.get(what) !== reason) this.#events.timingFaulty({ what, reason });
    this.#ofTimings = faulty;
  }
}
