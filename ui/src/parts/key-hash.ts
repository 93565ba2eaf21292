import { later } from './later.ts';

/** The SHA-256 of a key in lowercase hex, as the gateway stores it. Made in this browser, so that the key need not be sent. */
export async function keyHash(key: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(key));
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Browsers lend pages their own only over https and from this machine; for all others one comes with the console. */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (crypto.subtle !== undefined) return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const { sha256: hashed } = await library();
  return hashed(bytes);
}

const library = later(async () => {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return { sha256 };
});
