/** The other processes of this gateway (`[gateway] workers`), as the parts of one see them. */

/** What one process has changed of what all of them hold in memory; `keys`: one that may have been refused is good now. */
export type Change = StoredChange | EndpointChange;

/** A change of what is in the database. */
export type StoredChange =
  | { readonly of: 'key' | 'user'; readonly id: number }
  | { readonly of: 'session'; readonly hash: string }
  | { readonly of: 'keys' | 'mappings' | 'pools' | 'providers' };

/** An endpoint is drained by hand, or is no longer. */
export interface EndpointChange {
  readonly of: 'endpoint';
  readonly provider: string;
  readonly endpoint: string;
  readonly isDrained: boolean;
}

/** A wrong key of an address, by fingerprint. */
export interface Guess {
  readonly network: string;
  readonly fingerprint: string;
}

/** Counts the concurrent requests of each key, waiting ones included, up to a limit. */
export interface StreamLimit {
  /** Throws or rejects with `tenant_limit` if the key is at its limit; else each call must be followed by one of `leave`. */
  enter(keyId: number): void | Promise<void>;
  leave(keyId: number): void;
}

export interface Peers {
  /** The number of this process. */
  readonly worker: number;
  /** Tells the others of a change that is stored. */
  tell(change: Change): void;
  /** Resolves when what was told so far is in effect in all processes. Never rejects. */
  heard(): Promise<void>;
  guessed(guess: Guess): void;
  /** Counts over all processes. */
  readonly streams: StreamLimit;
  /** The text of `GET /metrics` for all processes. */
  metrics(): Promise<string>;
}
