import type { Events } from '../telemetry/events.ts';
import type { CompiledRow } from './matcher.ts';
import type { SettingFault } from './settings.ts';

/** Tells of rows and settings that cannot be used, each reason once. */
export class ToldFaults {
  readonly #events: Pick<Events, 'mappingFaulty' | 'settingFaulty'>;
  /** What was said last, by id and by key. */
  #ofRows = new Map<number, string>();
  #ofSettings = new Map<string, string>();

  constructor(events: Pick<Events, 'mappingFaulty' | 'settingFaulty'>) {
    this.#events = events;
  }

  tell(rows: readonly CompiledRow[], settingFaults: readonly SettingFault[]): void {
    const faulty = new Map<number, string>();
    for (const { source, fault } of rows) {
      if (fault === null) continue;
      faulty.set(source.id, fault);
      if (this.#ofRows.get(source.id) !== fault) this.#events.mappingFaulty({ id: source.id, reason: fault });
    }
    this.#ofRows = faulty;
    for (const { key, reason } of settingFaults)
      if (this.#ofSettings.get(key) !== reason) this.#events.settingFaulty({ key, reason });
    this.#ofSettings = new Map(settingFaults.map(({ key, reason }) => [key, reason]));
  }
}
