import { withoutBrackets } from './hosts.ts';
import type { Parser } from './values.ts';

const scheme = /^postgres(?:ql)?:\/\//;
/** Accepted by libpq: perhaps a user and password, and no host, which `?host=` then names. */
const withoutHost = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)(?=[/?#]|$)/;

const parsed = (text: string): URL | null =>
  scheme.test(text) ? URL.parse(text.replace(withoutHost, '$1localhost')) : null;

/** For one host: the driver connects to one, and does not choose among several as libpq would. */
export const postgresUrl: Parser<string> = {
  allowed:
    'a postgres:// URL of one host, or of a socket with ?host=/its/folder (in a password, # is %23, / is %2F and @ is %40; ' +
    'where there are several hosts, name a proxy before them, which knows the primary)',
  parse: text => {
    const url = parsed(text);
    const hosts = [url?.host ?? '', url?.searchParams.get('host') ?? ''];
    return url === null || hosts.some(host => host.includes(',')) ? undefined : text;
  },
};

/** Null: a socket of this machine, or no URL that can be read. */
export const hostOf = (text: string): { readonly host: string; readonly port: number } | null => {
  const url = parsed(text);
  const host = (url?.searchParams.get('host') || url?.hostname) ?? '';
  if (url === null || host === '' || host.startsWith('/')) return null;
  return { host: withoutBrackets(host), port: Number(url.port || 5432) };
};

/** Returns the address of a database without credentials and parameters. */
export const shownUrl = (text: string): string => {
  const url = parsed(text);
  return url === null ? 'its URL' : `${url.searchParams.get('host') || url.host}${url.pathname}`;
};
