/** Requests to the gateways of a fleet, and clients that send one after the other. */
import { adminKey } from './admin-key.ts';
import { until } from './until.ts';

export interface Asked {
  readonly key?: string;
  /** Null: that of its key. */
  readonly priority?: number | null;
  /** What the upstream is to see of it, beside the name of its gateway; the level by default. */
  readonly text?: string;
  readonly isStream?: boolean;
  /** The client leaves after so long, if it has no answer by then. */
  readonly leavesAfterMs?: number;
  readonly maxWaitMs?: number;
  readonly maxTokens?: number;
}

export interface Answered {
  /** 0: its connection broke, or the stream ended early. */
  readonly status: number;
  readonly by: string;
  /** Its client has left. */
  readonly isLeft: boolean;
  readonly code: string | null;
  readonly headers: Headers;
  readonly tookMs: number;
}

/** The upstream sees the gateway's name as `user`. */
export async function ask(url: string, by: string, asked: Asked = {}): Promise<Answered> {
  const { key = adminKey, priority = 3, text = `P${priority}`, isStream = false, maxTokens } = asked;
  const leave = new AbortController();
  const leaving = asked.leavesAfterMs === undefined ? undefined : setTimeout(() => leave.abort(), asked.leavesAfterMs);
  const at = performance.now();
  const ended = (status: number, headers = new Headers(), code: string | null = null) => ({
    ...{ status, by, headers, code },
    isLeft: leave.signal.aborted,
    tookMs: performance.now() - at,
  });
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(priority !== null && { 'x-priority': String(priority) }),
        ...(asked.maxWaitMs !== undefined && { 'x-tokligence-max-wait-ms': String(asked.maxWaitMs) }),
      },
      body: JSON.stringify({
        ...{ model: 'm', stream: isStream, user: by },
        ...(maxTokens !== undefined && { max_tokens: maxTokens }),
        messages: [{ role: 'user', content: text }],
      }),
      signal: leave.signal,
    });
    const body = await answer.text();
    const isWhole = !isStream || answer.status !== 200 || body.includes('[DONE]');
    return ended(isWhole ? answer.status : 0, answer.headers, /"code":"(\w+)"/.exec(body)?.[1] ?? null);
  } catch {
    return ended(0);
  } finally {
    clearTimeout(leaving);
  }
}

/** Those that their clients waited for, and that were not served. */
export const bad = (answers: readonly Answered[]): Answered[] =>
  answers.filter(({ status, isLeft }) => status !== 200 && !isLeft);

/** A gateway, as far as its clients need it. */
interface Gateway {
  readonly isLiving: boolean;
  chat(asked?: Asked): Promise<Answered>;
}

export interface Load {
  readonly answers: readonly Answered[];
  /** Resolves when all that was asked is answered. */
  stop(): Promise<void>;
}

/** Clients that ask again as soon as they are answered, on each gateway, until `stop`; `asks` says what the nth asks. */
export function startLoad(
  gateways: readonly Gateway[],
  clientsEach: number,
  asks: Asked | ((nth: number) => Asked) = {},
): Load {
  const answers: Answered[] = [];
  let isOver = false;
  let count = 0;
  const client = async (gateway: Gateway) => {
    while (!isOver && gateway.isLiving)
      answers.push(await gateway.chat(typeof asks === 'function' ? asks(count++) : asks));
  };
  const clients = gateways.flatMap(gateway => Array.from({ length: clientsEach }, () => client(gateway)));
  return {
    answers,
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

/** Of all levels and these tenants, some as streams, some by clients that leave while they wait or are answered. */
export const mixed =
  (keys: readonly string[]) =>
  (nth: number): Asked => ({
    ...(keys.length > 0 && { key: keys[nth % keys.length] }),
    priority: (nth * 7) % 10,
    isStream: nth % 3 === 0,
    ...(nth % 11 === 0 && { leavesAfterMs: (nth * 13) % 100 }),
  });

/** Once answers have come from a gateway after now. */
export async function untilServed(answers: readonly Answered[], by: string, more: number): Promise<void> {
  const before = answers.length;
  await until(
    () => answers.slice(before).filter(({ status, by: from }) => status === 200 && from === by).length >= more,
  );
}
