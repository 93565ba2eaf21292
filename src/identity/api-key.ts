import { hash, randomBytes } from 'node:crypto';

const secretBytes = 32;
const shownCharacters = 12;
const shownOfGiven = 4;

/** `tok_` + the operator's prefix, if any + 256 random bits. */
export const drawKey = (prefix: string | null): string =>
  `tok_${prefix === null ? '' : `${prefix}_`}${randomBytes(secretBytes).toString('base64url')}`;

/** The stored parts of a key: a hash to find it and its beginning to recognise it. */
export const keyColumns = (key: string) => ({ key_hash: hashKey(key), key_prefix: key.slice(0, shownCharacters) });

/** Of a key chosen by somebody else, which may have little randomness and be a password elsewhere, less is stored. */
export const givenKeyColumns = (key: string) => ({ ...keyColumns(key), key_prefix: key.slice(0, shownOfGiven) });

/** Lowercase hex SHA-256. A key holds 256 random bits, so it needs neither salt nor a slow hash. */
export const hashKey = (key: string): string => hash('sha256', key);
