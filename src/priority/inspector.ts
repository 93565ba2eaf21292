import type { PrioritySettings } from '../config/config.ts';
import { answered } from '../db/answered.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import type { Identity } from '../domain/vocabulary.ts';
import { type Explanation, explain, type Question } from './explain.ts';
import { compileRows, type MappingSource } from './matcher.ts';
import { inSlices, type Loaded } from './snapshot-loader.ts';

export interface InspectorParts {
  readonly serving: () => Loaded | null;
  readonly settings: () => PrioritySettings;
  readonly readDisabled: () => Promise<MappingSource[]>;
  /** Null where the key is no good. */
  readonly ownerOf: (key: string) => Promise<Identity | null>;
  readonly clock: Clock;
}

/**
 * Answers operators' questions about the mappings that serve. Works in slices beside the requests and
 * remembers nothing of a key that it is asked about.
 */
export class Inspector {
  readonly #parts: InspectorParts;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
  }

  async explain(question: Question): Promise<Explanation> {
    const { settings, readDisabled, ownerOf, clock } = this.#parts;
    const [off, owner] = await answered(Promise.all([readDisabled(), question.isWhole ? ownerOf(question.key) : null]));
    const disabled = await inSlices(compileRows(off, new Map()), clock);
    const { rows, compiled } = this.#serving();
    const situation = {
      ranked: compiled.snapshot.ranked,
      faulty: rows.filter(({ fault }) => fault !== null),
      disabled,
      settings: settings(),
      owner,
    };
    return inSlices(explain(question, situation), clock);
  }

  #serving(): Loaded {
    const loaded = this.#parts.serving();
    if (loaded === null) throw errors.unavailable('The mappings have not been read yet.', 1);
    return loaded;
  }
}
