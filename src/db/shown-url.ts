import pg from 'pg';

/** Where a database is, without who uses it and how. */
export const shownUrl = (url: string): string => {
  const { host, port, database } = new pg.Client({ connectionString: url, ssl: false, sslnegotiation: 'postgres' });
  const address = host.includes(':') ? `[${host}]` : host;
  return `${address}${host.startsWith('/') ? '' : `:${port}`}/${database ?? ''}`;
};
