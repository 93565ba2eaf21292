/** The Team edition of all benches: its settings, and its admin API. */

const adminKey = 'tok_admin_key_of_the_bench_0123456789';

export interface TeamSettings {
  readonly database: string;
  readonly dataDir: string;
  /** Sections in the words of the ini file: the log, the providers and the pools. */
  readonly rest: string;
}

export const teamSettings = ({ database, dataDir, rest }: TeamSettings): string => `[gateway]
edition = team
port = 0
data_dir = ${dataDir}
[database]
url = ${database}
[auth]
admin_key = ${adminKey}
[api_key_priority]
enabled = true
${rest}`;

/** Calls the admin API; throws unless it succeeds. */
export async function callAdmin(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}
