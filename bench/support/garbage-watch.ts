import { GCProfiler } from 'node:v8';

export interface GarbageFigures {
  /** How long each collection of the young generation stopped the process. */
  readonly scavengesMs: readonly number[];
  /** Collections of the whole heap. */
  readonly majors: number;
  /** In the young generation, between the first and the last collection. */
  readonly allocatedBytes: number;
  /** Of these, the bytes that scavenges moved to the old generation. */
  readonly promotedBytes: number;
}

/** V8's report of a collection; a part of Node's own type. */
interface Collection {
  readonly gcType: string;
  /** Microseconds. */
  readonly cost: number;
  readonly beforeGC: Heap;
  readonly afterGC: Heap;
}
interface Heap {
  readonly heapSpaceStatistics: readonly { readonly spaceName: string; readonly spaceUsedSize: number }[];
}

/** Reads the garbage collector's own figures, in the process that it works in. */
export class GarbageWatch {
  #profiler: GCProfiler | null = null;

  /** The figures since the last call. The first call starts the watch, and tells of nothing. */
  next(): GarbageFigures {
    const collections = this.#profiler?.stop()?.statistics ?? [];
    this.#profiler = new GCProfiler();
    this.#profiler.start();
    return figuresOf(collections);
  }
}

export function figuresOf(collections: readonly Collection[]): GarbageFigures {
  const scavenges = collections.filter(({ gcType }) => gcType === 'Scavenge');
  let allocatedBytes = 0;
  let promotedBytes = 0;
  collections.forEach(({ gcType, beforeGC, afterGC }, index) => {
    const previous = collections[index - 1];
    // Allocations before the first collection are unknown.
    if (previous === undefined) return;
    allocatedBytes += usedBytes(beforeGC, isYoung) - usedBytes(previous.afterGC, isYoung);
    // A collection of the whole heap frees old objects as it promotes young ones, so it cannot be told how many.
    if (gcType === 'Scavenge') promotedBytes += usedBytes(afterGC, isOld) - usedBytes(beforeGC, isOld);
  });
  return {
    scavengesMs: scavenges.map(({ cost }) => cost / 1_000),
    majors: collections.length - scavenges.length,
    allocatedBytes,
    promotedBytes: Math.max(promotedBytes, 0),
  };
}

const isYoung = (spaceName: string): boolean => spaceName === 'new_space' || spaceName === 'new_large_object_space';
const isOld = (spaceName: string): boolean => !isYoung(spaceName);

const usedBytes = ({ heapSpaceStatistics }: Heap, isCounted: (spaceName: string) => boolean): number =>
  heapSpaceStatistics.reduce((sum, space) => (isCounted(space.spaceName) ? sum + space.spaceUsedSize : sum), 0);
