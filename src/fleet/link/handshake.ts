/**
 * How two gateways prove to each other that they know the secret of their fleet, before either believes a word:
 *
 *   dialer    opening    fleet, the address that it means, who it is, its epoch, which protocol it speaks, a nonce
 *   listener  challenge  who lives there, its epoch, which protocol it speaks, a nonce
 *   dialer    proof      nothing more
 *
 * Each of them begins with an HMAC-SHA-256 under the secret over the role of the speaker, the channel (a value that only
 * the two ends of a TLS connection know; nothing without TLS), the HMAC before it, and the bytes of its own text. The chain
 * covers both nonces, so nothing that was recorded can be used again; the roles differ, so nothing can be sent back to the
 * one who said it. An HMAC is checked before the text behind it is read: no byte of a stranger is parsed.
 *
 * The address is part of the opening, and a listener answers for its own alone: whoever stands in between cannot lead a
 * dialer to another process, which would prove that the first is gone.
 */

import { isUtf8 } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { epochNumber, memberId } from '../messages/shapes.ts';
import { mostUrlChars } from './address.ts';

/** The versions of the protocol that a gateway understands, from the oldest to the newest. */
const speaksShape = Type.Object({
  oldest: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  newest: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
});
export type Speaks = Static<typeof speaksShape>;
export const speaks: Speaks = { oldest: 1, newest: 1 };

/** The newest version that both understand; null: there is none. */
export function commonVersion(one: Speaks, other: Speaks): number | null {
  const newest = Math.min(one.newest, other.newest);
  return newest >= Math.max(one.oldest, other.oldest) ? newest : null;
}

const nonceBytes = 32;
const nonce = Type.String({ minLength: 43, maxLength: 43 });
const openingShape = Type.Object({
  fleet: Type.String({ minLength: 1, maxLength: 200 }),
  at: Type.String({ minLength: 1, maxLength: mostUrlChars }),
  member: memberId,
  /** Counts the connections of this member. */
  generation: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  epoch: epochNumber,
  speaks: speaksShape,
  nonce,
});
const challengeShape = Type.Object({ member: memberId, epoch: epochNumber, speaks: speaksShape, nonce });
export type Opening = Static<typeof openingShape>;
export type Challenge = Static<typeof challengeShape>;

/** The longest content of a frame before the proof. */
export const mostHandshakeBytes = 2_048;

export interface Keys {
  /** The fleet's. */
  readonly secret: Uint8Array;
  /** Known to the two ends of this connection only; empty without TLS. */
  readonly channel: Uint8Array;
  /** So many random bytes. */
  readonly random: (bytes: number) => Uint8Array;
}

/** A part of the hand-shake, and the HMAC on which the next part builds. */
export interface Said {
  readonly content: Buffer;
  readonly mac: Buffer;
}
export interface Heard<Text> {
  readonly text: Text;
  readonly mac: Buffer;
}

export const openingOf = (keys: Keys, opening: Omit<Opening, 'nonce'>): Said =>
  sealed(keys, 'opening', nothing, withNonce(keys, opening));

export const challengeOf = (keys: Keys, openingMac: Buffer, challenge: Omit<Challenge, 'nonce'>): Said =>
  sealed(keys, 'challenge', openingMac, withNonce(keys, challenge));

export const proofOf = (keys: Keys, challengeMac: Buffer): Buffer => sealed(keys, 'proof', challengeMac, '').content;

/** Null: not from somebody who knows the secret, or not understood. */
export const readOpening = (keys: Keys, content: Buffer): Heard<Opening> | null =>
  heard(keys, 'opening', nothing, content, text => (opening.Check(text) ? text : null));

export const readChallenge = (keys: Keys, openingMac: Buffer, content: Buffer): Heard<Challenge> | null =>
  heard(keys, 'challenge', openingMac, content, text => (challenge.Check(text) ? text : null));

export const isProof = (keys: Keys, challengeMac: Buffer, content: Buffer): boolean =>
  content.length === macBytes && unsealed(keys, 'proof', challengeMac, content) !== null;

type Role = 'opening' | 'challenge' | 'proof';

const macBytes = 32;
const nothing = Buffer.alloc(0);
const opening = Compile(openingShape);
const challenge = Compile(challengeShape);

const withNonce = ({ random }: Keys, said: object): string =>
  JSON.stringify({ ...said, nonce: Buffer.from(random(nonceBytes)).toString('base64url') });

function sealed(keys: Keys, role: Role, before: Buffer, said: string): Said {
  const text = Buffer.from(said);
  const mac = macOf(keys, role, before, text);
  return { content: Buffer.concat([mac, text]), mac };
}

function unsealed(keys: Keys, role: Role, before: Buffer, content: Buffer): Said | null {
  if (content.length < macBytes) return null;
  const text = content.subarray(macBytes);
  const mac = macOf(keys, role, before, text);
  return timingSafeEqual(mac, content.subarray(0, macBytes)) ? { content: text, mac } : null;
}

/** Each part has a fixed length, or its length before it: two different chains never give the same bytes. */
function macOf({ secret, channel }: Keys, role: Role, before: Buffer, text: Buffer): Buffer {
  const hmac = createHmac('sha256', secret);
  hmac.update(`tokligence fleet ${role}\n${channel.length} ${before.length}\n`);
  return hmac.update(channel).update(before).update(text).digest();
}

function heard<Text>(
  keys: Keys,
  role: Role,
  before: Buffer,
  content: Buffer,
  read: (text: unknown) => Text | null,
): Heard<Text> | null {
  const said = unsealed(keys, role, before, content);
  if (said === null || !isUtf8(said.content)) return null;
  const text = read(parsed(said.content));
  return text === null ? null : { text, mac: said.mac };
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return null;
  }
}
