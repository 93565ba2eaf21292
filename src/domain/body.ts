/** A request's body as it came: never joined, because copying megabytes keeps everybody else waiting. */
export interface Body {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}

/** Members of a body's object that tell an upstream how urgent the request is. */
export const urgencyMembers = ['priority', 'service_tier'] as const;
export type UrgencyMember = (typeof urgencyMembers)[number];

/** Bytes of a body, `to` not included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where in a body stands what may have to be written otherwise. */
export interface BodyPlaces {
  /** Of the brace that closes the body's object. */
  readonly closedAt: number;
  /** The values of these members, in their order; of a repeated name all. */
  readonly urgency: Readonly<Record<UrgencyMember, readonly Span[]>>;
}
