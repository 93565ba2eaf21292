/** The client's end of one request: where its answer is written. */
export interface Sink {
  /** Nothing more reaches the client: it has left, or the answer was broken off. */
  readonly isClosed: boolean;
  /** Also called when the answer has gone out to its end. */
  onClosed(listener: () => void): void;
  /** The headers that the gateway adds to any answer, names in lower case: a new object, the caller's to add to. */
  ownHeaders(): Record<string, string>;
  /** Begins the answer; `headers` is a flat list of names and values. They go out with the first bytes. */
  begin(status: number, headers: (string | string[])[]): void;
  /** Sends the headers without waiting for bytes. */
  flushHeaders(): void;
  /** False where the client is slow: no more should be written until `onceDrained` calls. */
  write(bytes: Buffer): boolean;
  onceDrained(listener: () => void): void;
  end(last?: string): void;
  /** Closes the connection, so that the client sees that the answer is not whole. */
  breakOff(): void;
}
