import { errors, type GatewayError } from '../../../domain/errors.ts';
import { parametersIn } from './form-type.ts';

/** What the headers of a part say of it. */
export interface PartHead {
  readonly name: string;
  readonly isFile: boolean;
  /** In lower case; empty without one. */
  readonly contentType: string;
}

const oneHeader = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(.*?)[\t ]*$/;
const plainEncodings: ReadonlySet<string> = new Set(['', '7bit', '8bit', 'binary']);

/**
 * Reads the lines of a part's head. Readers that an upstream may use differ in what they make of a malformed one, and the
 * model that the gateway reads must be the one that the upstream reads; so whatever is malformed is refused.
 */
export function partHead(text: string): PartHead {
  const headers = headersIn(text);
  const disposition = headers.get('content-disposition') ?? '';
  const [, rest] = /^form-data(?=[\t ;]|$)(.*)$/i.exec(disposition) ?? [];
  const parameters = rest === undefined ? null : parametersIn(rest);
  const name = parameters?.get('name');
  if (parameters === null || name === undefined || parameters.has('name*')) {
    throw malformed('has no Content-Disposition: form-data; name="…"');
  }
  if (!plainEncodings.has(headers.get('content-transfer-encoding')?.toLowerCase() ?? '')) {
    throw malformed('is encoded (Content-Transfer-Encoding); send it as it is');
  }
  return {
    name,
    isFile: parameters.has('filename') || parameters.has('filename*'),
    contentType: (headers.get('content-type') ?? '').toLowerCase(),
  };
}

function headersIn(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const [, name, value = ''] = oneHeader.exec(line) ?? [];
    if (name === undefined || /[\r\n\0]/.test(value)) throw malformed('has a malformed header');
    const key = name.toLowerCase();
    if (headers.has(key)) throw malformed('has a header twice');
    headers.set(key, value);
  }
  return headers;
}

const malformed = (what: string): GatewayError => errors.invalidRequest(`A part of the form ${what}.`);
