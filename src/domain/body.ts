/** A request's body as it came: never joined, because copying megabytes keeps everybody else waiting. */
export interface Body {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}
