/** A fault of the configuration. The message says what is allowed and never repeats a value, which may be a secret. */
export interface ConfigFault {
  /** Null: the file as a whole, or a line outside of any section. */
  readonly section: string | null;
  /** Null: the section as a whole. */
  readonly key: string | null;
  readonly message: string;
}

export const describeFault = ({ section, key, message }: ConfigFault): string =>
  [section === null ? null : `[${section}]`, key].filter(part => part !== null).join(' ') +
  (section === null && key === null ? message : `: ${message}`);

/** All faults of a configuration at once. */
export class ConfigFaults extends Error {
  override readonly name = 'ConfigFaults';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(`The configuration cannot be used:\n${faults.map(fault => `  ${describeFault(fault)}`).join('\n')}`);
    this.faults = faults;
  }
}

/** Collects faults while reading goes on. */
export class FaultList {
  readonly #faults: ConfigFault[] = [];

  add(section: string | null, key: string | null, message: string): void {
    this.#faults.push({ section, key, message });
  }

  /** Whether the key has a fault already. */
  concerns(section: string, key: string): boolean {
    return this.#faults.some(fault => fault.section === section && fault.key === key);
  }

  get list(): readonly ConfigFault[] {
    return this.#faults;
  }

  throwIfAny(): void {
    if (this.#faults.length > 0) throw new ConfigFaults(this.#faults);
  }
}
