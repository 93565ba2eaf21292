import { isUnattended } from './attendance.ts';

/** Calls the admin API with the session's cookie; refusals become an `ApiError`. */

/** A refusal: `param` names the field at fault; `beside` has the answer's other members (the rows of a 412). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  readonly beside: Readonly<Record<string, unknown>>;

  constructor(status: number, { message, code, param }: ErrorFields, beside: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.param = param ?? null;
    this.beside = beside;
  }
}

interface ErrorFields {
  readonly message: string;
  readonly code: string;
  readonly param?: string | null;
}

type QueryValue = string | number | boolean | null | undefined;
type Query = Readonly<Record<string, QueryValue>>;

interface Options {
  readonly query?: Query;
  readonly signal?: AbortSignal;
  /** The version that the change is based on: a row that changed since is answered 412. */
  readonly ifMatch?: string;
}

export const api = {
  get: <T>(path: string, options?: Options) => send<T>('GET', path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: Options) => send<T>('POST', path, body ?? {}, options),
  put: <T>(path: string, body: unknown, options?: Options) => send<T>('PUT', path, body, options),
  patch: <T>(path: string, body: unknown, options?: Options) => send<T>('PATCH', path, body, options),
  delete: <T>(path: string, options?: Options) => send<T>('DELETE', path, undefined, options),
};

async function send<T>(method: string, path: string, body: unknown, options: Options = {}): Promise<T> {
  const { query = {}, signal, ifMatch } = options;
  const headers: Record<string, string> = { 'x-tokligence-console': '1', accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  if (isUnattended()) headers['x-tokligence-unattended'] = '1';
  const answer = await fetch(`/admin${path}${queryText(query)}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  }).catch(cause => {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, { code: 'unreachable', message: String(cause) });
  });
  const content: unknown = await answer.json().catch(() => null);
  if (answer.ok) return content as T;
  throw refusalOf(answer.status, content);
}

/** Omits members that are undefined, null or empty. */
function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

function refusalOf(status: number, content: unknown): ApiError {
  const { error, ...beside } = (content ?? {}) as { error?: ErrorFields };
  // A proxy in between may answer anything.
  const isOurs = typeof error?.message === 'string' && typeof error.code === 'string';
  return new ApiError(status, isOurs ? error : { code: 'internal', message: `HTTP ${status}` }, beside);
}
