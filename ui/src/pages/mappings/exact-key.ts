import type { NewMapping } from '../../../../src/http/admin/contract/contract.ts';
import { keyHash } from '../../parts/key-hash.ts';
import type { Values } from './row.ts';

export const isKeyInClear = ({ match_type, pattern }: Pick<Values, 'match_type' | 'pattern'>): boolean =>
  match_type === 'exact' && pattern !== '' && !pattern.startsWith('sha256:');

/** Returns the body to send: if the hash was chosen, the key itself does not leave the browser. */
export async function bodyOf(values: Values, isHashWanted: boolean): Promise<NewMapping> {
  const pattern = isHashWanted && isKeyInClear(values) ? `sha256:${await keyHash(values.pattern)}` : values.pattern;
  // The gateway refuses a missing priority, in its own words.
  return { ...values, pattern } as NewMapping;
}
