import { errors } from '../domain/errors.ts';
import { type Word, wordOf } from './word.ts';

/**
 * What an admin is answered: a database that cannot do it now is `unavailable`, a row that its table refuses a
 * `conflict`, a text that it cannot hold an `invalid_request` that names the field, where it is one of `fields`;
 * every other fault stays what it is.
 */
export async function answered<T>(asking: Promise<T>, fields: object = {}): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    const word = wordOf(error);
    throw word === null ? error : answerTo(word, fields);
  }
}

/** The same for a question by texts: one that the database cannot hold is in no row, so `nothing` is found. */
export const sought = <T>(asking: Promise<T>, nothing: T): Promise<T> =>
  answered(
    asking.catch((error: unknown) => {
      if (wordOf(error)?.kind === 'text') return nothing;
      throw error;
    }),
  );

/** Why the database cannot do anything of the kind now, or null. */
export function unavailability(error: unknown): string | null {
  const word = wordOf(error);
  return word?.kind === 'state' ? word.reason : null;
}

const answerTo = (word: Word, fields: object) => {
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
  if (typeof value !== 'object' || value === null) return [];
  const found: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    const step = Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    found.push(...fieldsIn(inner, isMeant, step));
    if (found.length >= 2) break;
  }
  return found;
}
