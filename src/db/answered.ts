import { errors } from '../domain/errors.ts';
import { isOfDatabase, type Word, wordOf } from './word.ts';

/**
 * What an admin is answered instead of an error of the database: `unavailable` if it cannot do it now, a `conflict`
 * if its table refuses the row, an `invalid_request` if it cannot hold a text; that names the field, if it is one of
 * `fields`. Every other error is returned as it is.
 */
export function answerOf(error: unknown, fields: unknown): unknown {
  const word = isOfDatabase(error) ? wordOf(error) : null;
  return word === null ? error : answerTo(word, fields);
}

/** A question by texts: one that the database cannot hold is in no row, so `nothing` is found. */
export const sought = <T>(asking: Promise<T>, nothing: T): Promise<T> =>
  asking.catch((error: unknown) => {
    if (wordOf(error)?.kind === 'text') return nothing;
    throw error;
  });

/** Why the database cannot do anything of the kind now, or null. */
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

/** The paths of the first two texts that may be meant, such as `mappings[3].tenant_name`. */
function fieldsIn(value: unknown, isMeant: (text: string) => boolean, path = ''): string[] {
  if (typeof value === 'string') return isMeant(value) ? [path] : [];
  // The bytes of a file are no fields.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  const found: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    const step = Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    found.push(...fieldsIn(inner, isMeant, step));
    if (found.length >= 2) break;
  }
  return found;
}
