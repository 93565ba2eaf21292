/** A browser's part of a session in HTTP. */
import { adminKey } from './admin-key.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

interface Question {
  readonly cookie?: string;
  /** By default as the console's page sends it. */
  readonly fromConsole?: boolean;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export async function ask(url: string, method: string, path: string, question: Question = {}): Promise<Asked> {
  const { cookie, fromConsole = true, headers = {}, body } = question;
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(cookie === undefined ? {} : { cookie }),
      ...(fromConsole ? { 'x-tokligence-console': '1' } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** Returns name and value of the cookie in the answer. */
export const cookieOf = ({ headers }: Asked): string => headers.get('set-cookie')?.split(';')[0] ?? '';

/** Signs in and resolves to the cookie. */
export async function signIn(url: string, key = adminKey, question: Omit<Question, 'body'> = {}): Promise<string> {
  const answer = await ask(url, 'POST', '/admin/session', { ...question, body: { key } });
  if (answer.status !== 201) throw new Error(`not signed in: ${answer.status} ${JSON.stringify(answer.body)}`);
  return cookieOf(answer);
}
