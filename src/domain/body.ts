/** A request's body as it came. It is never joined, because copying megabytes blocks all other requests. */
export interface Body {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}

/** Members of the body's object that tell an upstream how urgent the request is. */
export const urgencyMembers = ['priority', 'service_tier'] as const;
export type UrgencyMember = (typeof urgencyMembers)[number];

/** A range of bytes of a body; `to` is exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where the parts of a body are that may have to be rewritten. */
export interface BodyPlaces {
  /** The offset of the brace that closes the body's object. */
  readonly closedAt: number;
  /** The values of `model`, quotes included, all of the same name. */
  readonly model: readonly Span[];
  /** The body is a form: the values stand in it as they are, not as JSON. */
  readonly isForm?: boolean;
  /** The values of these members, in their order; a repeated name has several. */
  readonly urgency: Readonly<Record<UrgencyMember, readonly Span[]>>;
}

/** Of a request without a body. */
export const noPlaces: BodyPlaces = { closedAt: 0, model: [], urgency: { priority: [], service_tier: [] } };
