/** One URL of a provider, as pools know it. */
export interface EndpointSeats {
  /** Its origin, `http://10.0.0.7:8000`: unique in its provider. */
  readonly id: string;
  /** 0: it is given no request, as it is down or drained. */
  readonly seats: number;
}

/** Called at once with what is known, and with all endpoints of a provider again when one of them has changed. */
export type OnEndpoints = (provider: string, pool: string, endpoints: readonly EndpointSeats[]) => void;

/** An endpoint and what runs there. */
export interface EndpointUse extends EndpointSeats {
  readonly provider: string;
  /** May be more than there are seats, while it is down or after it has lost some. */
  readonly inUse: number;
}
