/** Where the responses are that upstreams store, so that each is found again, and by its own flow only. */
export interface ResponsePlace {
  /** The provider's name. */
  readonly provider: string;
  /** Its endpoint that has made the response; null: it has one only. */
  readonly endpoint: string | null;
  readonly model: string;
}

const usableId = /^[A-Za-z0-9_-]{1,200}$/;
const mostRemembered = 100_000;

export class StoredResponses {
  readonly #most: number;
  /** By flow and ID, the one that was not used for the longest time first: an ID alone could be chosen by another flow's upstream. */
  readonly #places = new Map<string, ResponsePlace>();

  constructor(most = mostRemembered) {
    this.#most = most;
  }

  /** IDs that no path may have are not remembered. */
  remember(flowId: string, id: string, place: ResponsePlace): void {
    if (!usableId.test(id)) return;
    this.#used(keyOf(flowId, id), place);
    if (this.#places.size <= this.#most) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  find(flowId: string, id: string): ResponsePlace | null {
    const place = this.#places.get(keyOf(flowId, id));
    if (place !== undefined) this.#used(keyOf(flowId, id), place);
    return place ?? null;
  }

  forget(flowId: string, id: string): void {
    this.#places.delete(keyOf(flowId, id));
  }

  #used(key: string, place: ResponsePlace): void {
    this.#places.delete(key);
    this.#places.set(key, place);
  }
}

/** IDs have no blanks. */
const keyOf = (flowId: string, id: string): string => `${id} ${flowId}`;
