/** What a request's headers say of the form of its body. */
import type { IncomingHttpHeaders } from 'node:http';
import { errors } from '../../domain/errors.ts';

const shownChars = 64;
/** As RFC 9110 spells one; its parameters are whoever reads them to judge. */
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[\t ]*(?:;[^,]*)?$/;
const json = 'application/json';

/** Throws a 415 for a body that is encoded: it would have to be unpacked to be read, and bodies pass as they are. */
export function refuseEncoded(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding.split(',').every(isIdentity)) return;
  const shown = encoding.length > shownChars ? `${encoding.slice(0, shownChars)}...` : encoding;
  throw errors.unsupportedMediaType(
    `The body is encoded (Content-Encoding: ${shown}) and bodies are not unpacked here; send it as it is, without that header.`,
    'Content-Encoding',
  );
}

const isIdentity = (coding: string): boolean => ['', 'identity'].includes(coding.trim().toLowerCase());

/** A header that was sent twice arrives as a list; of two that are the same one is meant. */
export function sentOnce(value: string): string {
  if (!value.includes(',')) return value;
  const [first = '', ...others] = value.split(',').map(one => one.trim());
  return others.every(other => other === first) ? first : value;
}

/** The headers with a Content-Type that an upstream can read; to be asked of a body that was found to be JSON. */
export function withReadableType(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const sent = headers['content-type'];
  if (sent === undefined || sent === json) return headers;
  const type = sentOnce(sent);
  if (type === sent && mediaType.test(type)) return headers;
  return { ...headers, 'content-type': mediaType.test(type) ? type : json };
}
