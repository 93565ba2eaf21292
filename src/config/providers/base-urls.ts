/** `base_url`: the URLs of a provider's endpoints, `dns+` before those whose name stands for several addresses. */
import { isIP } from 'node:net';
import { list, type Parser } from '../values.ts';

const dnsPrefix = 'dns+';
const mostUrls = 100;

export type BaseUrls = readonly [string, ...string[]];

interface BaseUrl {
  readonly url: URL;
  /** Each address of its name is an endpoint. */
  readonly isLookedUp: boolean;
}

/** To be called with one of the texts that `baseUrls` gives. */
export const baseUrlIn = (text: string): BaseUrl => {
  const isLookedUp = text.startsWith(dnsPrefix);
  return { url: new URL(isLookedUp ? text.slice(dnsPrefix.length) : text), isLookedUp };
};

const soundUrl = (text: string): string | undefined => {
  const isLookedUp = text.toLowerCase().startsWith(dnsPrefix);
  const bare = isLookedUp ? text.slice(dnsPrefix.length) : text;
  const url = URL.parse(bare);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '') return undefined;
  if (isLookedUp && isIP(url.hostname.replace(/^\[(.*)\]$/, '$1')) !== 0) return undefined;
  return (isLookedUp ? dnsPrefix : '') + bare.replace(/\/+$/, '');
};

/** The same origin twice is told by `repeatedOrigin`, so that the fault can name it. */
export const baseUrls: Parser<BaseUrls> = list(
  "an http:// or https:// URL as the vendor's SDK takes it, without credentials, ? and #; or several of them, each an endpoint; dns+http:// or dns+https:// with a name: each of its addresses is one",
  parts => {
    const [first, ...others] = parts.map(soundUrl).filter(url => url !== undefined);
    if (first === undefined || others.length + 1 !== parts.length || parts.length > mostUrls) return undefined;
    return [first, ...others];
  },
);

/** Returns the first origin that stands there more than once; null: each is another. */
export const repeatedOrigin = (urls: BaseUrls): string | null => {
  const origins = urls.map(text => baseUrlIn(text).url.origin);
  return origins.find((origin, at) => origins.indexOf(origin) !== at) ?? null;
};

/** How many endpoints there are; null: as many as the addresses of a name. */
export const endpointCount = (urls: BaseUrls): number | null =>
  urls.some(text => baseUrlIn(text).isLookedUp) ? null : urls.length;
