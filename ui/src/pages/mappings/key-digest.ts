import type { NewMapping } from '../../../../src/http/admin/contract.ts';
import type { Values } from './row.ts';

/** Browsers hash only for pages that came over https or from this machine. */
export const canHash: boolean = window.isSecureContext && typeof crypto.subtle === 'object';

export const isKeyInClear = ({ match_type, pattern }: Pick<Values, 'match_type' | 'pattern'>): boolean =>
  match_type === 'exact' && pattern !== '' && !pattern.startsWith('sha256:');

/** What is sent: where the hash is wanted, the key itself does not leave the browser. */
export async function bodyOf(values: Values, isHashWanted: boolean): Promise<NewMapping> {
  const isHashed = isHashWanted && canHash && isKeyInClear(values);
  const pattern = isHashed ? `sha256:${await digestOf(values.pattern)}` : values.pattern;
  // A priority that is missing the gateway refuses, in its words.
  return { ...values, pattern } as NewMapping;
}

async function digestOf(key: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return Array.from(new Uint8Array(bytes), byte => byte.toString(16).padStart(2, '0')).join('');
}
