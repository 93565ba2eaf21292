import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errors } from '../../domain/errors.ts';
import type { Caller } from '../../gateway/gateway.ts';
import type { KeyDoor } from './key-door.ts';

const bearer = /^bearer(?: +(.*))?$/i;

const beyondAscii = /[\u0080-\u00ff]/;

/**
 * Returns the key of `Authorization: Bearer …` or `x-api-key`, and where both are missing that of `api-key`, as Azure's
 * clients send it; null without one. Throws a 401 for another scheme and for two different keys. An empty header counts
 * as missing.
 */
export function presentedKey(headers: IncomingHttpHeaders): string | null {
  const key = keyIn(headers) ?? azureKey(headers);
  return key !== null && beyondAscii.test(key) ? fromBytes(key) : key;
}

/** node:http decodes each byte as latin1; a key is text in UTF-8, as in JSON. */
function fromBytes(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  if (!isUtf8(bytes)) throw errors.invalidApiKey('The API key is not in UTF-8, as all keys are.');
  return bytes.toString();
}

function keyIn(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers;
  const apiKey = headers['x-api-key'];
  if (typeof apiKey !== 'string' || apiKey === '') return authorization ? bearerKey(authorization) : null;
  const other = authorization ? bearerKey(authorization) : null;
  if (other !== null && other !== apiKey) {
    throw errors.invalidApiKey('Authorization and x-api-key carry two different keys; send one.');
  }
  return apiKey;
}

/** Beside another key it is somebody else's, for the upstream. */
function azureKey({ 'api-key': key }: IncomingHttpHeaders): string | null {
  return typeof key === 'string' && key !== '' ? key : null;
}

function bearerKey(authorization: string): string | null {
  // The usual header needs no pattern; Node has trimmed the value.
  if (authorization.startsWith('Bearer ') && authorization.charCodeAt(7) > 0x20) return authorization.slice(7);
  const match = bearer.exec(authorization);
  if (!match) throw errors.invalidApiKey('Send the API key as Authorization: Bearer KEY, or as x-api-key.');
  return match[1] || null;
}

/** The presented key; throws a 401 without one. */
export function requiredKey(headers: IncomingHttpHeaders): string {
  const key = presentedKey(headers);
  if (key === null) throw errors.invalidApiKey('No API key: send it as Authorization: Bearer KEY, or as x-api-key.');
  return key;
}

const anonymous: Caller = { identity: { keyId: null, userId: null, role: null }, key: null };

interface IdentifierParts {
  readonly keys: KeyDoor;
  /**
   * With `auth.disabled`, callers that this accepts may call models, and a presented key is ignored. Null: keys are
   * required.
   */
  readonly withoutKeys: ((headers: IncomingHttpHeaders) => void) | null;
}

/** Returns the function by which the model routes identify the caller. */
export function identifier({ keys, withoutKeys }: IdentifierParts) {
  return (req: IncomingMessage): Caller | Promise<Caller> => {
    if (withoutKeys !== null) {
      withoutKeys(req.headers);
      keys.pass(req);
      return anonymous;
    }
    const key = requiredKey(req.headers);
    const identity = keys.enter(req, key);
    return identity instanceof Promise ? identity.then(known => ({ identity: known, key })) : { identity, key };
  };
}
