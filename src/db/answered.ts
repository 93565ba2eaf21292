import { errors } from '../domain/errors.ts';
import { isOfDatabase, type Word, wordOf } from './word.ts';

/**
 * Returns the admin's answer to an error of the database: `unavailable` if it cannot do it now, a `conflict` if its
 * table refuses the row, an `invalid_request` if it cannot store a text; the latter names the field, if it is one of
 * `fields`. Returns every other error unchanged.
 */
export function answerOf(error: unknown, fields: unknown): unknown {
  const word = isOfDatabase(error) ? wordOf(error) : null;
  return word === null ? error : answerTo(word, fields);
}

/** For a query by texts: a text that the database cannot store is in no row, so the result is `nothing`. */
export const sought = <T>(asking: Promise<T>, nothing: T): Promise<T> =>
  asking.catch((error: unknown) => {
    if (wordOf(error)?.kind === 'text') return nothing;
    throw error;
  });

/** Returns why the database cannot serve such statements now, or null. */
export function unavailability(error: unknown): string | null {
  const word = wordOf(error);
  return word?.kind === 'state' ? word.reason : null;
}

const answerTo = (word: Word, fields: unknown) => {
  switch (word.kind) {
    case 'state':
      return errors.unavailable(word.sentence, 1);
    case 'refusal':
      return errors.conflict(`The database refuses this: ${word.reason}.`);
    case 'text': {
      const [field, other] = fieldsIn(fields, word.isMeant);
      const isKnown = field !== undefined && (word.isCertain || other === undefined);
      const subject = isKnown ? field : 'A text of this request';
      return errors.invalidRequest(`${subject} ${word.reason}.`, isKnown ? field : undefined);
    }
  }
};

/** Returns the paths of the first two texts that may be the one, such as `mappings[3].tenant_name`. */
function fieldsIn(value: unknown, isMeant: (text: string) => boolean, path = ''): string[] {
  if (typeof value === 'string') return isMeant(value) ? [path] : [];
  // The bytes of a file are not fields.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  const found: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    const step = Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    found.push(...fieldsIn(inner, isMeant, step));
    if (found.length >= 2) break;
  }
  return found;
}
