/** Names of hosts as headers carry them, spelled as the URL standard spells them: lower case, 127.1 as 127.0.0.1. */

/** Returns the host in `NAME:PORT`, `NAME` or `[ADDRESS]:PORT`; null if the text has another form. */
export function hostNameIn(authority: string): string | null {
  if (/[\s/?#@\\]/.test(authority)) return null;
  return withoutLastDot(URL.parse(`http://${authority}`)?.hostname);
}

/** Returns the host of a page's `Origin`; null if it names none, as `null` does. */
export const hostNameOfOrigin = (origin: string): string | null =>
  /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\]+$/i.test(origin) ? withoutLastDot(URL.parse(origin)?.hostname) : null;

/** Whether a host name always resolves to this machine. */
export const isLoopbackName = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  /^127\.\d+\.\d+\.\d+$/.test(name) ||
  name === '[::1]' ||
  /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(name);

/** `localhost.` is `localhost` with the root written out. */
const withoutLastDot = (name: string | undefined): string | null => name?.replace(/\.$/, '').toLowerCase() || null;
