import { CliFault, exitCodeOf, exitCodes } from './exit.ts';
import type { Target } from './target.ts';

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent unchanged. */
  readonly text?: { readonly type: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The client of a running gateway, over HTTP. Every refusal is thrown as a `CliFault`. */
export interface AdminClient {
  readonly url: string;
  call<T>(method: string, path: string, options?: CallOptions): Promise<T>;
  /** Returns the body of a GET, unparsed. */
  text(path: string, accept: string): Promise<string>;
}

export function adminClient(target: Target, timeoutMs: number): AdminClient {
  const { url } = target;
  return {
    url,
    async call<T>(method: string, path: string, options: CallOptions = {}) {
      const { status, text } = await ask(target, timeoutMs, { method, path, ...options });
      const answer = parsed(text);
      if (answer === null) throw new CliFault(exitCodes.failed, notAGateway(url, status));
      return answer as T;
    },
    async text(path, accept) {
      const { text } = await ask(target, timeoutMs, { method: 'GET', path, headers: { accept } });
      return text;
    },
  };
}

interface Question extends CallOptions {
  readonly method: string;
  readonly path: string;
}

async function ask(
  { url, key }: Target,
  timeoutMs: number,
  { method, path, query = {}, body, text, headers, signal }: Question,
): Promise<{ status: number; text: string }> {
  const sent = body === undefined ? text : { type: 'application/json', content: JSON.stringify(body) };
  const giveUp = AbortSignal.timeout(timeoutMs);
  const request = {
    method,
    // A redirect may lead to another host, or away from a POST.
    redirect: 'manual',
    signal: signal === undefined ? giveUp : AbortSignal.any([signal, giveUp]),
    headers: {
      authorization: `Bearer ${key}`,
      ...(sent === undefined ? {} : { 'content-type': sent.type }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent.content }),
  } as const;
  const response = await reach(url, timeoutMs, () => answered(url + path + queryText(query), request));
  if (!response.ok) throw refusal(url, response.status, parsed(response.text));
  return response;
}

async function answered(url: string, request: RequestInit): Promise<{ status: number; ok: boolean; text: string }> {
  const answer = await fetch(url, request);
  return { status: answer.status, ok: answer.ok, text: await answer.text() };
}

function queryText(query: NonNullable<CallOptions['query']>): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(set.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

async function reach<T>(url: string, timeoutMs: number, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    const reason = isLate ? `no answer within ${timeoutMs / 1_000} s` : causeOf(error);
    throw new CliFault(exitCodes.unreachable, `cannot reach ${url}: ${reason}`);
  }
}

/** The message `fetch failed` has its reason in the cause; for a name with several addresses, in the cause's errors. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  return error.cause === undefined ? error.message : causeOf(error.cause);
}

const notAGateway = (url: string, status: number): string =>
  `${url} answers with ${status}, but not as a gateway does: is the URL right?`;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(url: string, status: number, answer: unknown): CliFault {
  const error = isRecord(answer) && isRecord(answer.error) ? answer.error : null;
  if (error === null || typeof error.message !== 'string') {
    return new CliFault(exitCodeOf(status), notAGateway(url, status), { status });
  }
  const rest = Object.fromEntries(Object.entries(answer as object).filter(([name]) => name !== 'error'));
  return new CliFault(exitCodeOf(status), error.message, { status, ...error, ...rest });
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
