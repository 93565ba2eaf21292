import type { IncomingHttpHeaders } from 'node:http';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { hostNameIn, hostNameOfOrigin, isLoopbackName } from '../../domain/host-name.ts';

/** What a browser says of a request that no page of another site has made. */
const ownSites = new Set(['same-origin', 'same-site', 'none']);

/**
 * While `auth.disabled` is set, any program of this machine may call models, and a browser is one, whatever
 * page it shows: a page may send requests here itself, or from a name that it has made lead here (DNS
 * rebinding). So that is refused which names another host than this machine or comes from another site.
 * Programs other than browsers name the host that they were told and neither of the other two headers.
 *
 * Throws a 403; `allowedHosts` as `hostNameIn` spells them.
 */
export function ownMachineOnly(allowedHosts: readonly string[]): (headers: IncomingHttpHeaders) => void {
  const isOwn = (name: string | null): boolean =>
    name !== null && (isLoopbackName(name) || allowedHosts.includes(name));
  return ({ host, origin, 'sec-fetch-site': site }) => {
    // HTTP/1.0 needs no Host, and no browser speaks it.
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
