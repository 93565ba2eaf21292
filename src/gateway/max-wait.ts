import { errors } from '../domain/errors.ts';

const name = 'X-Tokligence-Max-Wait-Ms';
/** Fifteen digits are more than any queue timeout, and every such number is exact. */
const wholeNumber = /^\d{1,15}$/;

/**
 * How long a client would wait for a seat at most, from its `X-Tokligence-Max-Wait-Ms`: 0 is "not at
 * all", null means that it does not say. What is sent twice arrives as a list, and is refused like it.
 */
export function maxWaitMs(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !wholeNumber.test(header)) {
    throw errors.invalidRequest(`${name} must be a whole number of milliseconds from 0 up, sent once.`, name);
  }
  return Number(header);
}
