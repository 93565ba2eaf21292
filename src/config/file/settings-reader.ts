import type { Setting } from '../../domain/vocabulary.ts';
import { environmentName } from '../keys.ts';
import type { Key, Keys, Values } from '../values.ts';
import type { EnvironmentSettings } from './environment.ts';
import type { FaultList } from './faults.ts';
import type { SettingFile } from './setting-file.ts';

/** Every text that was read, by section and key; two readings of a file are compared by it. Holds secrets. */
export type GivenTexts = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface Given {
  readonly text: string;
  readonly source: 'environment' | 'file' | 'default';
}

/** Reads settings: the environment overrides the file, the file overrides the default. */
export class SettingsReader {
  readonly #file: SettingFile;
  readonly #environment: EnvironmentSettings;
  readonly #faults: FaultList;
  readonly #texts = new Map<string, Map<string, string>>();

  constructor(file: SettingFile, environment: EnvironmentSettings, faults: FaultList) {
    this.#file = file;
    this.#environment = environment;
    this.#faults = faults;
  }

  /** Returns the values without those at fault, so that nothing is concluded from them. */
  read<S extends Keys>(section: string, keys: S): Partial<Values<S>> {
    const values: Record<string, Setting<unknown>> = {};
    const texts = this.#texts.get(section) ?? new Map<string, string>();
    this.#texts.set(section, texts);
    for (const [key, rule] of Object.entries(keys)) {
      const { text, source } = this.#given(section, key, rule);
      const value = rule.parse(text);
      texts.set(key, text);
      if (value !== undefined) values[key] = { value, source };
      else if (!this.#faults.concerns(section, key)) this.#fault(section, key, rule, source);
    }
    return values as Partial<Values<S>>;
  }

  get texts(): GivenTexts {
    return this.#texts;
  }

  /** Whether the key is set, with a valid value or not. */
  isGiven(section: string, key: string, rule: Key<unknown>): boolean {
    return this.#given(section, key, rule).source !== 'default';
  }

  #given(section: string, key: string, { fallback }: Key<unknown>): Given {
    const environment = this.#environment.get(environmentName(section, key));
    if (environment !== undefined) return { text: environment, source: 'environment' };
    const file = this.#file.get(section)?.get(key);
    // If the default is empty, an empty value means not set; otherwise the value is missing, which is a fault.
    const isGiven = file !== undefined && (file !== '' || fallback !== '');
    return isGiven ? { text: file, source: 'file' } : { text: fallback, source: 'default' };
  }

  #fault(section: string, key: string, { allowed, spelling = '' }: Key<unknown>, source: Given['source']): void {
    const must = `must be ${allowed}${spelling}`;
    const messages = {
      environment: `${must} (set by ${environmentName(section, key)})`,
      file: must,
      default: `is missing: ${must}`,
    };
    this.#faults.add(section, key, messages[source]);
  }
}
