import type { Span } from '../../domain/body.ts';
import { errors } from '../../domain/errors.ts';
import type { Token } from '../../json/scanned-token.ts';
import { mostRepeated, spanOf } from './urgency-places.ts';

/**
 * Finds the values of `model` in the outermost object. Of two different ones some readers take the first, others the
 * last: the upstream could serve another model than the one that was allowed and chosen here.
 */
export class ModelPlaces {
  readonly spans: Span[] = [];
  #first: unknown;
  #differ = false;

  found(value: unknown): void {
    if (this.#first === undefined) this.#first = value;
    if (value !== this.#first) this.#differ = true;
  }

  add(token: Token): void {
    if (this.spans.length === mostRepeated)
      throw errors.invalidRequest(`The field \`model\` stands more than ${mostRepeated} times.`, 'model');
    this.spans.push(spanOf(token));
  }

  /** Throws `invalid_request` if two values differ. */
  checkAgree(): void {
    if (this.#differ) throw errors.invalidRequest('The field `model` stands twice, with different values.', 'model');
  }
}
