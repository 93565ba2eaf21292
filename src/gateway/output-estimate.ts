/**
 * Estimates the tokens of an answer in advance: the mean of the last five answers that this flow got from this model
 * (the predictor of the VTC paper, OSDI '24), never more than the request allows. Only an estimate: the charge is
 * raised while the answer passes and settled at its end.
 *
 * Clients may invent names of models, so both tables are bounded, and entries that were not used for long are
 * forgotten. A flow that floods its own table forgets its own averages only.
 */

/** The estimate for a first answer, unless the request allows fewer tokens. */
const firstEstimate = 256;
const windowSize = 5;
const maxFlows = 4096;
const maxModelsPerFlow = 32;
/** The averages of a model with a longer name are not kept. */
const maxModelChars = 256;

export class OutputEstimates {
  readonly #flows = new Recent<Recent<Window>>(maxFlows);

  /** Tokens, at most `limit`; O(1). */
  estimate(flowId: string, model: string, limit: number | null): number {
    const expected = this.#flows.get(flowId)?.get(model)?.mean ?? firstEstimate;
    return limit === null ? expected : Math.min(limit, expected);
  }

  /** Records the tokens of a complete answer. */
  record(flowId: string, model: string, outputTokens: number): void {
    if (model.length > maxModelChars) return;
    const models = this.#flows.get(flowId) ?? new Recent<Window>(maxModelsPerFlow);
    const window = models.get(model) ?? new Window();
    window.add(outputTokens);
    models.set(model, window);
    this.#flows.set(flowId, models);
  }

  /** The number of averages kept, over all flows. */
  get size(): number {
    let size = 0;
    for (const models of this.#flows.values()) size += models.size;
    return size;
  }
}

/**
 * A table of at most `limit` entries in two generations: when the younger one is full the older one is dropped, so the
 * last limit/2 entries always remain.
 */
class Recent<Value> {
  readonly #limit: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return [...this.values()].length;
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size * 2 < this.#limit) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  *values(): Iterable<Value> {
    yield* this.#young.values();
    for (const [key, value] of this.#old) if (!this.#young.has(key)) yield value;
  }
}

class Window {
  readonly #last: number[] = [];
  #next = 0;
  mean = 0;

  add(tokens: number): void {
    this.#last[this.#next] = tokens;
    this.#next = (this.#next + 1) % windowSize;
    let sum = 0;
    for (const each of this.#last) sum += each;
    this.mean = sum / this.#last.length;
  }
}
