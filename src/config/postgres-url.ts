import type { Parser } from './values.ts';

const scheme = /^postgres(?:ql)?:\/\//;
/** As libpq takes it: user and password perhaps, and no host, which `?host=` names then. */
const withoutHost = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)(?=[/?#]|$)/;

const parsed = (text: string): URL | null =>
  scheme.test(text) ? URL.parse(text.replace(withoutHost, '$1localhost')) : null;

/** Of one host: the driver connects to one, and does not choose among several as libpq would. */
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

/** Where a database is, without who uses it and how. */
export const shownUrl = (text: string): string => {
  const url = parsed(text);
  return url === null ? 'its URL' : `${url.searchParams.get('host') || url.host}${url.pathname}`;
};
