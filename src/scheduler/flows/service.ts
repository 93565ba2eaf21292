/**
 * The service of the flows of one level in the last minute, against what they were entitled to. The caller of
 * endStep() cuts time into steps; the six that ended last and the current one count.
 *
 *   served_i,s   cost that the level charged flow i in step s: the estimate when it got a seat, raised and
 *                settled as it ran, so that the sum over the steps is what its requests came to
 *   i wanted     service in step s if at any time of it one of its requests was waiting or had a seat
 *   S_s, W_s     served cost of all flows in step s; weights of all that wanted service in it
 *
 *   served share    =  Σ_s served_i,s  /  Σ_s S_s
 *   entitled share  =  Σ_s S_s · (w_i / W_s where i wanted, else 0)  /  Σ_s S_s
 *
 * So each step counts by the cost served in it, and a flow that wanted nothing in a step is entitled to nothing
 * of it. A flow that asks for less than its share is served less than it is entitled to, and has nothing waiting;
 * the others share the rest.
 */
const steps = 6;
const allSteps = 2 ** steps - 1;
/** The most flows of a level that are counted separately; the others are counted together, as one of weight 1. */
export const maxToldApart = 1024;

/** The service of one flow. */
export class Service {
  readonly flowId: string;
  /** In the current step; may be negative if estimates of earlier steps were too high. */
  served = 0;
  hasWanted = false;
  /** No longer remembered: a flow that wants service again needs a new one. */
  isOver = false;
  /** Bit n: the flow wanted service n + 1 steps before the current one. */
  #wanted = 0;
  /** Newest first. */
  readonly #before = Array.from({ length: steps }, () => 0);

  constructor(flowId: string) {
    this.flowId = flowId;
  }

  /** Returns the cost served in the current step (0) or the n-th before it. */
  servedIn(step: number): number {
    return step === 0 ? this.served : (this.#before[step - 1] ?? 0);
  }

  wantedIn(step: number): boolean {
    return step === 0 ? this.hasWanted : (this.#wanted & (1 << (step - 1))) !== 0;
  }

  endStep(): void {
    this.#before.pop();
    this.#before.unshift(this.served);
    this.#wanted = ((this.#wanted << 1) | (this.hasWanted ? 1 : 0)) & allSteps;
    this.served = 0;
    this.hasWanted = false;
  }

  get hasWantedLately(): boolean {
    return this.hasWanted || this.#wanted !== 0;
  }
}

export interface Share {
  readonly flowId: string;
  /** The cost served in the last minute. */
  readonly served: number;
  readonly servedShare: number;
  readonly entitledShare: number;
}

export class LevelService {
  readonly #services = new Map<string, Service>();
  readonly #others = new Service('');

  of(flowId: string): Service {
    const known = this.#services.get(flowId);
    if (known !== undefined) return known;
    if (this.#services.size >= maxToldApart) return this.#others;
    const service = new Service(flowId);
    this.#services.set(flowId, service);
    return service;
  }

  /** `active`: the services of flows with a request waiting or running; they want service in the next step too. */
  endStep(active: Iterable<Service>): void {
    for (const service of this.#services.values()) service.endStep();
    this.#others.endStep();
    for (const service of active) service.hasWanted = true;
    for (const service of this.#services.values()) {
      if (service.hasWantedLately) continue;
      service.isOver = true;
      this.#services.delete(service.flowId);
    }
  }

  /** Returns the IDs of the separately counted flows that wanted service in the last minute. */
  toldApart(): Iterable<string> {
    return this.#services.keys();
  }

  /** Returns the shares of the separately counted flows. */
  shares(weightOf: (flowId: string) => number): Share[] {
    const told = [...this.#services.values()].map(service => ({ service, weight: weightOf(service.flowId) }));
    const all = this.#others.hasWantedLately ? [...told, { service: this.#others, weight: 1 }] : told;
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
    const given = Array.from({ length: steps + 1 }, (_, step) =>
      Math.max(
        sum(one => one.service.servedIn(step)),
        0,
      ),
    );
    const weights = given.map((_, step) => sum(({ service, weight }) => (service.wantedIn(step) ? weight : 0)));
    // If nothing was served at all, every step counts the same.
    const counted = given.some(amount => amount > 0) ? given : weights.map(weight => (weight > 0 ? 1 : 0));
    const servedSum = sum(({ service }) => servedOf(service));
    const countedSum = counted.reduce((total, amount) => total + amount, 0);
    return told.map(({ service, weight }) => {
      const entitled = counted.reduce((total, amount, step) => {
        const among = weights[step] ?? 0;
        return service.wantedIn(step) && among > 0 ? total + (amount * weight) / among : total;
      }, 0);
      const served = servedOf(service);
      return {
        flowId: service.flowId,
        served,
        servedShare: ratio(served, servedSum),
        entitledShare: ratio(entitled, countedSum),
      };
    });
  }
}

function servedOf(service: Service): number {
  let served = 0;
  for (let step = 0; step <= steps; step++) served += service.servedIn(step);
  return Math.max(served, 0);
}

/** Limited to 1 because rounded sums may slightly exceed the whole. */
const ratio = (part: number, whole: number): number => (whole > 0 ? Math.min(part / whole, 1) : 0);
