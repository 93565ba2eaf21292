/**
 * Seals keys of upstreams: AES-256-GCM with a random nonce. The place of a key, which is its row, its provider and the
 * origins that it was entered for, is authenticated with it, so a row that is copied, renamed or pointed elsewhere does
 * not unseal. From the master key three values are derived: the key that seals, the one that makes fingerprints, and the
 * name of the master key. Whoever reads the table learns how long a key is and when it was entered.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { MasterKeys } from '../config/config.ts';

export interface KeyPlace {
  readonly id: string;
  readonly provider: string;
  readonly origins: string;
}

export interface SealedKey {
  readonly sealed: string;
  readonly master_key_id: string;
  readonly fingerprint: string;
}

interface Master {
  readonly id: string;
  readonly sealing: Buffer;
  readonly printing: Buffer;
}

const format = 'v1';
const nonceBytes = 12;
const tagBytes = 16;
/** A key of an upstream has at most 4096 characters. */
const mostSealedChars = 8_192;

export class Seal {
  /** The one that seals comes first. */
  readonly #masters: readonly Master[];

  constructor({ key, previous }: MasterKeys) {
    this.#masters = [key, previous].filter(hex => hex !== null).map(masterOf);
  }

  /** The name of the master key that seals; null: none is configured. */
  get keyId(): string | null {
    return this.#masters[0]?.id ?? null;
  }

  /** To be called only where there is a master key. */
  seal(place: KeyPlace, secret: string): SealedKey {
    const master = this.#masters[0];
    if (master === undefined) throw new Error('no master key');
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', master.sealing, nonce).setAAD(associated(place));
    const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return {
      sealed: `${format}.${sealed.toString('base64url')}`,
      master_key_id: master.id,
      fingerprint: fingerprintOf(master, place, secret),
    };
  }

  unseal(place: KeyPlace, { sealed, master_key_id }: Pick<SealedKey, 'sealed' | 'master_key_id'>): Unsealed {
    const master = this.#masters.find(({ id }) => id === master_key_id);
    if (this.#masters.length === 0) return { fault: 'no master key is configured (TOKLIGENCE_MASTER_KEY)' };
    if (master === undefined)
      return { fault: `it is sealed with the master key ${master_key_id.slice(0, 16)}, which is not configured` };
    const [version, text = '', ...more] = sealed.length > mostSealedChars ? [] : sealed.split('.');
    const bytes = Buffer.from(text, 'base64url');
    if (version !== format || more.length > 0 || bytes.length <= nonceBytes + tagBytes) return notWhole;
    try {
      const nonce = bytes.subarray(0, nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', master.sealing, nonce, { authTagLength: tagBytes });
      decipher.setAAD(associated(place)).setAuthTag(bytes.subarray(-tagBytes));
      const secret = decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8');
      // The column is not authenticated, and what it says is shown.
      return { secret, fingerprint: fingerprintOf(master, place, secret) };
    } catch {
      return notWhole;
    }
  }
}

export type Unsealed = { readonly secret: string; readonly fingerprint: string } | { readonly fault: string };

const notWhole = { fault: 'its row was changed, or copied from another provider: enter it again' };

function masterOf(hex: string): Master {
  const master = Buffer.from(hex, 'hex');
  const derived = (use: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', master, '', `tokligence provider keys: ${use}`, bytes));
  return { id: derived('name', 4).toString('hex'), sealing: derived('seal', 32), printing: derived('fingerprint', 32) };
}

const associated = ({ id, provider, origins }: KeyPlace): Buffer =>
  Buffer.from(JSON.stringify(['provider_keys', id, provider, origins]));

/** By provider, so that equal keys of two providers do not show. */
const fingerprintOf = ({ printing }: Master, { provider }: KeyPlace, secret: string): string =>
  createHmac('sha256', printing).update(`${provider}\0${secret}`).digest('hex').slice(0, 12);
