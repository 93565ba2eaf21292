import assert from 'node:assert/strict';
import type { FakeUpstream } from './fake-upstream.ts';
import { freePort } from './free-port.ts';
import type { TestGateway } from './gateway.ts';

interface TargetIni {
  readonly url: string;
  readonly seats?: number;
  /** Further keys of the provider, one per line. */
  readonly more?: string;
}

/** The model `m`, whose targets are the providers `first` and `second`, each with a pool of its own. */
export const twoTargets = (first: TargetIni, second: TargetIni, more = ''): string => `
${providerIni('first', first)}
${providerIni('second', second)}
[model.m]
targets = first:m-there, second:m-elsewhere
${more}`;

export const providerIni = (name: string, { url, seats = 100, more = '' }: TargetIni): string => `
[provider.${name}]
type = openai
base_url = ${url}
max_concurrent = ${seats}
models = ${name}-only
${more}`;

export const v1 = ({ url }: Pick<FakeUpstream, 'url'>): string => `${url}/v1`;

/** Where nobody listens. */
export const deadUrl = async (): Promise<string> => `http://127.0.0.1:${await freePort()}/v1`;

/** The request lines of the log, in the order of their ends. */
export const endedRequests = ({ log }: TestGateway): any[] =>
  log.map(line => JSON.parse(line)).filter(line => line.request_id !== undefined && line.outcome !== undefined);

export const modelsSent = ({ requests }: FakeUpstream): string[] =>
  requests.map(({ body }) => JSON.parse(body.toString()).model);

/** Asserts that an answer tells who gave it, and after how many calls. */
export function assertTold(answer: Response, provider: string, attempts: number): void {
  assert.equal(answer.headers.get('x-tokligence-provider'), provider);
  assert.equal(answer.headers.get('x-tokligence-attempts'), String(attempts));
}
