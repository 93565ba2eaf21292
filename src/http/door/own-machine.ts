import type { IncomingHttpHeaders } from 'node:http';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { hostNameIn, hostNameOfOrigin, isLoopbackName } from '../../domain/text/host-name.ts';

/** The values of Sec-Fetch-Site for requests that no page of another site has made. */
const ownSites = new Set(['same-origin', 'same-site', 'none']);

/**
 * While `auth.disabled` is set, any program of this machine may call models. A browser is such a program, whatever page
 * it shows: the page may send requests here itself, or from a name that it has pointed here (DNS rebinding). So
 * requests that name another host than this machine or come from another site are refused. Other programs name the host
 * that they were given and send neither of the other two headers.
 *
 * Throws a 403; `allowedHosts` are spelled as `hostNameIn` does.
 */
export function ownMachineOnly(allowedHosts: readonly string[]): (headers: IncomingHttpHeaders) => void {
  const isOwn = (name: string | null): boolean =>
    name !== null && (isLoopbackName(name) || allowedHosts.includes(name));
  return ({ host, origin, 'sec-fetch-site': site }) => {
    // HTTP/1.0 needs no Host, and no browser uses it.
    if (host !== undefined && !isOwn(hostNameIn(host))) throw foreign('the Host header names another host');
    if (origin && !isOwn(hostNameOfOrigin(origin))) throw foreign('the Origin header names a page of another host');
    if (site && !ownSites.has(String(site))) throw foreign('the Sec-Fetch-Site header tells of another site');
  };
}

const foreign = (reason: string): GatewayError =>
  errors.forbidden(
    `While [auth] disabled = true, models are for programs of this machine and for no web page of others, and ${reason}. ` +
      'Hosts other than localhost, 127.0.0.1 and [::1] are named in [auth] allowed_hosts.',
  );
