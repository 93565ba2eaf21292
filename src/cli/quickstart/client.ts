import { isLevel, type Level } from '../../domain/vocabulary.ts';

/** A running gateway as the quickstart uses it: over HTTP, like any client. */
export interface GatewayClient {
  readonly url: string;
  /** Calls an admin route; throws on a refusal. */
  admin<T>(method: string, path: string, body?: object): Promise<T>;
  /** Posts an object that may exist already: null if it does. */
  create<T>(path: string, body: object): Promise<T | null>;
}

interface ClientParts {
  readonly url: string;
  readonly adminKey: string;
  readonly signal: AbortSignal;
}

export function gatewayClient({ url, adminKey, signal }: ClientParts): GatewayClient {
  async function call<T>(method: string, path: string, body?: object): Promise<{ status: number; answer: T }> {
    const response = await fetch(url + path, {
      method,
      signal,
      headers: { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 409) throw refused(method, path, response.status, text);
    return { status: response.status, answer: JSON.parse(text) };
  }
  return {
    url,
    async admin<T>(method: string, path: string, body?: object) {
      const { status, answer } = await call<T>(method, path, body);
      if (status === 409) throw refused(method, path, status, JSON.stringify(answer));
      return answer;
    },
    async create<T>(path: string, body: object) {
      const { status, answer } = await call<T>('POST', path, body);
      return status === 409 ? null : answer;
    },
  };
}

/** Returns the level that the key's requests get now; null if the key is not accepted. */
export async function levelOf(url: string, key: string, signal: AbortSignal): Promise<Level | null> {
  const path = '/v1/models';
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` }, signal });
  const text = await response.text();
  if (response.status === 401) return null;
  const level = Number(response.headers.get('x-tokligence-priority') ?? Number.NaN);
  if (!response.ok || !isLevel(level)) throw refused('GET', path, response.status, text);
  return level;
}

const refused = (method: string, path: string, status: number, text: string) =>
  new Error(`${method} ${path} was answered with ${status}: ${text.slice(0, 500)}`);
