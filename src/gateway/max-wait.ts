import { errors } from '../domain/errors.ts';

const name = 'X-Tokligence-Max-Wait-Ms';
/** Fifteen digits exceed any queue timeout, and every such number is exact. */
const wholeNumber = /^\d{1,15}$/;

/**
 * Returns the client's longest wait for a seat, from its `X-Tokligence-Max-Wait-Ms`: 0 means no wait, null no header. A
 * repeated header comes as a list, and is refused like one.
 */
export function maxWaitMs(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !wholeNumber.test(header)) {
    throw errors.invalidRequest(`${name} must be a whole number of milliseconds from 0 up, sent once.`, name);
  }
  return Number(header);
}
