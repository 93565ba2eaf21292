import { later } from './later.ts';

/**
 * Returns the SHA-256 of a key in lowercase hex, as the gateway stores it. Computed in this browser, so that the key
 * need not be sent.
 */
export async function keyHash(key: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(key));
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Browsers offer their own implementation only over https and on this machine; for all others the console includes one.
 */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (crypto.subtle !== undefined) return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const { sha256: hashed } = await library();
  return hashed(bytes);
}

const library = later(async () => {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return { sha256 };
});
