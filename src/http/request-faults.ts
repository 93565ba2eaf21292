import type { IncomingMessage } from 'node:http';
import { errors, type GatewayError } from '../domain/errors.ts';

/** A name or an address, perhaps with a port: what RFC 9110 allows, except the comma, which indicates two headers. */
const oneHost = /^(?:[\w.~!$&'()*+;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i;

/**
 * Returns a function that finds faults of a request's head that node:http accepts; null for a sound head. Called for
 * every request: a Host equal to the last one costs a comparison.
 */
export function requestFaults(): (req: IncomingMessage) => GatewayError | null {
  let lastSound: string | null = null;
  return ({ httpVersion, headers: { host, expect } }) => {
    if (httpVersion !== '1.1' && httpVersion !== '1.0') {
      return errors.invalidRequest('The request line names a version of HTTP that is not spoken here: send HTTP/1.1.');
    }
    if (expect !== undefined && httpVersion === '1.1' && expect.trim().toLowerCase() !== '100-continue') {
      return errors.expectationFailed('Of Expect only 100-continue is met here, sent once.');
    }
    if (host === undefined) return httpVersion === '1.0' ? null : errors.invalidRequest('The Host header is missing.');
    if (host === lastSound) return null;
    if (!oneHost.test(host)) {
      return errors.invalidRequest('The Host header must be sent once and name one host, with or without a port.');
    }
    lastSound = host;
    return null;
  };
}
