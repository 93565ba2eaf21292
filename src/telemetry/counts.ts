import { allLevels, type Level, levelCount } from '../domain/vocabulary.ts';

interface CountSample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

// The place after the ten levels is for requests that ended before theirs was decided.
const withoutLevel = levelCount;

/** Sums by level, outcome and provider; what is missing is left out of the labels. */
export class Counts {
  /** By provider, then outcome; '' is none. */
  readonly #sums = new Map<string, Map<string, Float64Array>>();

  add(level: Level | null, outcome: string, provider: string | null, amount: number): void {
    const sums = this.#sums.get(provider ?? '')?.get(outcome) ?? this.#begin(provider ?? '', outcome);
    const place = level ?? withoutLevel;
    sums[place] = (sums[place] ?? 0) + amount;
  }

  samples(): CountSample[] {
    const samples: CountSample[] = [];
    for (const [provider, outcomes] of this.#sums) {
      for (const [outcome, sums] of outcomes) {
        for (const [level, value] of sums.entries()) {
          if (value > 0) samples.push({ labels: labelsOf(level, outcome, provider), value });
        }
      }
    }
    return samples;
  }

  #begin(provider: string, outcome: string): Float64Array {
    const outcomes = this.#sums.get(provider) ?? new Map<string, Float64Array>();
    const sums = new Float64Array(levelCount + 1);
    this.#sums.set(provider, outcomes.set(outcome, sums));
    return sums;
  }
}

const labelsOf = (level: number, outcome: string, provider: string) => ({
  ...(level === withoutLevel ? {} : { level }),
  ...(outcome === '' ? {} : { outcome }),
  ...(provider === '' ? {} : { provider }),
});

/** Counts by two levels: what was and what would have been. */
export class LevelPairs {
  readonly #counts = new Float64Array(levelCount * levelCount);

  add(level: Level, shadowLevel: Level): void {
    const place = level * levelCount + shadowLevel;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  samples(): CountSample[] {
    return Array.from(this.#counts, (value, place) => ({
      labels: { level: Math.floor(place / levelCount), shadow_level: place % levelCount },
      value,
    })).filter(({ value }) => value > 0);
  }
}

const boundsSec = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Waits by level, as a Prometheus histogram in seconds. */
export class WaitHistogram {
  readonly #counts = allLevels.map(() => new Float64Array(boundsSec.length + 1));
  readonly #sumsMs = new Float64Array(levelCount);

  observe(level: Level, waitMs: number): void {
    const counts = this.#counts[level];
    if (counts === undefined) return;
    let place = 0;
    while (place < boundsSec.length && waitMs > (boundsSec[place] ?? 0) * 1000) place += 1;
    counts[place] = (counts[place] ?? 0) + 1;
    this.#sumsMs[level] = (this.#sumsMs[level] ?? 0) + waitMs;
  }

  samples(name: string) {
    return allLevels.flatMap(level => {
      let total = 0;
      const buckets = Array.from(this.#counts[level] ?? [], (count, place) => {
        total += count;
        const le = boundsSec[place] ?? '+Inf';
        return { metricName: `${name}_bucket`, labels: { le, level }, value: total };
      });
      const sumSec = (this.#sumsMs[level] ?? 0) / 1000;
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: { level }, value: sumSec },
        { metricName: `${name}_count`, labels: { level }, value: total },
      ];
    });
  }
}
