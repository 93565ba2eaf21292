/** Names of hosts as headers carry them, spelled as the URL standard does: in lower case, 127.1 as 127.0.0.1. */

/** The host in `NAME:PORT`, `NAME` or `[ADDRESS]:PORT`; null where it is none. */
export function hostNameIn(authority: string): string | null {
  if (/[\s/?#@\\]/.test(authority)) return null;
  return withoutLastDot(URL.parse(`http://${authority}`)?.hostname);
}

/** The host of a page's `Origin`; null where it tells none, as `null` does. */
export const hostNameOfOrigin = (origin: string): string | null =>
  /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\]+$/i.test(origin) ? withoutLastDot(URL.parse(origin)?.hostname) : null;

/** Whether a host name leads to the very machine, whoever resolves it. */
export const isLoopbackName = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  /^127\.\d+\.\d+\.\d+$/.test(name) ||
  name === '[::1]' ||
  /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(name);

/** `localhost.` is `localhost`, said with its root. */
const withoutLastDot = (name: string | undefined): string | null => name?.replace(/\.$/, '').toLowerCase() || null;
