/** The form of a request's body according to its headers. */
import type { IncomingHttpHeaders } from 'node:http';
import { errors } from '../../domain/errors.ts';
import { isForm } from './form/form-type.ts';

const shownChars = 64;
/** As in RFC 9110; its parameters are left to the reader of the body. */
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[\t ]*(?:;[^,]*)?$/;
const json = 'application/json';

/** Throws a 415 for an encoded body: it would have to be decoded to be read, and bodies pass unchanged. */
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

/** Returns the value of a header; a repeated header comes as a list, and two equal values count as one. */
export function sentOnce(value: string): string {
  if (!value.includes(',')) return value;
  const [first = '', ...others] = value.split(',').map(one => one.trim());
  return others.every(other => other === first) ? first : value;
}

/** Returns the headers with a Content-Type that an upstream can read; for a body that was found to be JSON or a form. */
export function withReadableType(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const sent = headers['content-type'];
  if (sent === undefined || sent === json || isForm(sent)) return headers;
  const type = sentOnce(sent);
  if (type === sent && mediaType.test(type)) return headers;
  return { ...headers, 'content-type': mediaType.test(type) ? type : json };
}
