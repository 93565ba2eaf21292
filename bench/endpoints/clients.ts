/** Clients in a closed loop, and what became of each of their requests. */
import { randomUUID } from 'node:crypto';
import { type Dispatcher, Pool } from 'undici';

export interface Ended {
  readonly id: string;
  readonly isStream: boolean;
  /** By `performance.now()`. */
  readonly sentAt: number;
  readonly tookMs: number;
  readonly firstByteMs: number;
  /** By the answer; null: it says nothing of it. */
  readonly attempts: number | null;
  /** `refused`: there was no answer, or no 200. `told`: its stream ended with an error event. `cut`: without a word. */
  readonly end: 'whole' | 'told' | 'cut' | 'refused';
}

export interface ClientsOptions {
  readonly url: string;
  /** Client after client takes the next one. */
  readonly keys: readonly string[];
  readonly short: number;
  readonly streams: number;
}

export interface Clients {
  /** All that have ended so far. */
  readonly ended: readonly Ended[];
  /** Resolves when the requests under way have ended, too. */
  stop(): Promise<void>;
}

export function startClients({ url, keys, short, streams }: ClientsOptions): Clients {
  const pool = new Pool(url, { connections: short + streams, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const ended: Ended[] = [];
  let isOver = false;
  const client = async (index: number) => {
    const key = keys[index % keys.length] ?? '';
    while (!isOver) ended.push(await ask(pool, key, index >= short));
  };
  const all = Promise.all(Array.from({ length: short + streams }, (_, index) => client(index)));
  return {
    ended,
    async stop() {
      isOver = true;
      await all;
      await pool.close();
    },
  };
}

export const bodyOf = (isStream: boolean): string =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'work '.repeat(150) }], stream: isStream });

const lastBytes = 64;

/** Never rejects. */
export function ask(pool: Dispatcher, key: string, isStream: boolean): Promise<Ended> {
  return new Promise(resolve => {
    const id = randomUUID();
    const sentAt = performance.now();
    let status = 0;
    let attempts: number | null = null;
    let firstByteAt: number | null = null;
    let tail = '';
    let isTold = false;
    const over = (isWhole: boolean) => {
      const now = performance.now();
      const ends = isStream ? tail.endsWith('data: [DONE]\n\n') && !isTold : isWhole;
      const begun = ends ? 'whole' : isTold ? 'told' : 'cut';
      resolve({
        id,
        isStream,
        sentAt,
        tookMs: now - sentAt,
        firstByteMs: (firstByteAt ?? now) - sentAt,
        attempts,
        end: status === 200 && firstByteAt !== null ? begun : 'refused',
      });
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(_controller, code, headers) {
        status = code;
        const told = headers['x-tokligence-attempts'];
        attempts = told === undefined ? null : Number(told);
      },
      onResponseData(_controller, chunk) {
        firstByteAt ??= performance.now();
        isTold ||= chunk.includes('"error"');
        tail = (tail + chunk.toString('latin1')).slice(-lastBytes);
      },
      onResponseEnd: () => over(true),
      onResponseError: () => over(false),
    };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-request-id': id };
    pool.dispatch({ path: '/v1/chat/completions', method: 'POST', headers, body: bodyOf(isStream) }, handler);
  });
}
