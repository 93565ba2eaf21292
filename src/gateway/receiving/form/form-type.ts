/** The parameters of headers, and the boundary of a form. */
import { errors } from '../../../domain/errors.ts';

const oneParameter = /[\t ]*;[\t ]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*)))?/y;

/** Returns the parameters that follow a header's value, by lower-case name; null if they are malformed or one is repeated. */
export function parametersIn(text: string): ReadonlyMap<string, string> | null {
  const parameters = new Map<string, string>();
  const end = text.trimEnd().length;
  oneParameter.lastIndex = 0;
  for (let at = 0; at < end; at = oneParameter.lastIndex) {
    const [, name, quoted, token] = oneParameter.exec(text) ?? [null];
    if (oneParameter.lastIndex === 0) return null;
    if (name === undefined) continue;
    const key = name?.toLowerCase() ?? '';
    if (parameters.has(key)) return null;
    // A backslash before anything else belongs to a path of Windows.
    parameters.set(key, quoted?.replaceAll(/\\(["\\])/g, '$1') ?? token ?? '');
  }
  return parameters;
}

const formType = 'multipart/form-data';
/** RFC 2046 allows 70 characters and fewer kinds of them; some programs take more. */
const usableBoundary = /^[\x21\x23-\x5b\x5d-\x7e](?:[ -!#-[\]-~]{0,198}[\x21\x23-\x5b\x5d-\x7e])?$/;

export const isForm = (contentType: string | undefined): boolean => /^[\t ]*multipart\//i.test(contentType ?? '');

/** Returns the boundary between the parts. Throws a 415 for another type, a 400 for a boundary that cannot be used. */
export function boundaryIn(contentType: string): string {
  const text = contentType.trim();
  const ends = text.search(/[;\s]/);
  const type = ends === -1 ? text : text.slice(0, ends);
  if (type.toLowerCase() !== formType) {
    throw errors.unsupportedMediaType(`Of multipart bodies this route takes ${formType} only.`, 'Content-Type');
  }
  const boundary = ends === -1 ? undefined : parametersIn(text.slice(ends))?.get('boundary');
  if (boundary !== undefined && usableBoundary.test(boundary)) return boundary;
  throw errors.invalidRequest(
    `The Content-Type header must be sent once and name a boundary of 1 to 200 visible characters: ${formType}; boundary=…`,
    'Content-Type',
  );
}
