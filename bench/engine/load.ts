/** The load of an engine: clients that send without a pause, and an urgent request at fixed intervals. */
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { Random } from '../sim/random.ts';

export interface Target {
  readonly url: string;
  readonly model: string;
  readonly urgentKey: string;
  readonly batchKey: string;
}

export interface EngineRound extends Target {
  readonly seed: number;
  readonly seconds: number;
}

/** What came within the measured seconds. */
export interface EngineResult {
  /** From sending an urgent request, within those seconds, to its first token. */
  readonly firstTokenMs: readonly number[];
  /** Whole answers to the clients that send without a pause, per second. */
  readonly batchPerSecond: number;
  /** Of all answers, whole or not. */
  readonly tokensPerSecond: number;
}

export interface Answer {
  readonly sentAt: number;
  readonly firstTokenMs: number;
  readonly endedAt: number;
  readonly text: string;
}

interface Size {
  readonly words: number;
  readonly maxTokens: number;
}

export const batchClients = 16;
export const urgentEveryMs = 400;
export const batch: Size = { words: 90, maxTokens: 96 };
export const urgent: Size = { words: 30, maxTokens: 16 };
/** The queue is as long as it will be before the measured seconds begin. */
export const warmUpMs = 4_000;

export async function loadEngine({ seed, seconds, ...target }: EngineRound): Promise<EngineResult> {
  const from = performance.now() + warmUpMs;
  const to = from + seconds * 1000;
  const isWithin = (now: number) => now >= from && now < to;
  const random = new Random(seed);
  const isOver = new AbortController();
  const pool = poolTo(target.url);
  const counted = { firstTokenMs: [] as number[], answers: 0, tokens: 0 };
  const ask = (key: string, size: Size): Promise<Answer> => {
    const request = { key, body: bodyOf(target.model, size, random), signal: isOver.signal };
    return complete(pool, request, now => {
      if (isWithin(now)) counted.tokens++;
    });
  };
  const client = async () => {
    for (;;) {
      const { endedAt } = await ask(target.batchKey, batch);
      if (isWithin(endedAt)) counted.answers++;
    }
  };
  const urgentRequest = async () => {
    const { sentAt, firstTokenMs } = await ask(target.urgentKey, urgent);
    if (isWithin(sentAt)) counted.firstTokenMs.push(firstTokenMs);
  };
  try {
    const clients = Array.from({ length: batchClients }, client);
    // The clients only end by a fault. They go on until the last urgent request has its answer.
    await Promise.race([atIntervals(urgentRequest, to), ...clients]);
    isOver.abort();
    await Promise.allSettled(clients);
  } finally {
    await pool.destroy();
  }
  const { firstTokenMs, answers, tokens } = counted;
  return { firstTokenMs, batchPerSecond: answers / seconds, tokensPerSecond: tokens / seconds };
}

/** Starts one at each interval, whether or not the earlier ones have ended; resolves when all have. */
async function atIntervals(start: () => Promise<void>, to: number): Promise<void> {
  const started: Promise<void>[] = [];
  for (let dueAt = performance.now(); dueAt < to; dueAt += urgentEveryMs) {
    await pause(Math.max(dueAt - performance.now(), 0));
    const one = start();
    one.catch(() => {}); // told when all have been started
    started.push(one);
  }
  await Promise.all(started);
}

/** One urgent request while nothing else is asked; the same seed has the same prompt. */
export async function askAlone({ url, model, urgentKey }: Target, seed: number): Promise<Answer> {
  const pool = poolTo(url);
  try {
    return await complete(pool, { key: urgentKey, body: bodyOf(model, urgent, new Random(seed)), signal: null });
  } finally {
    await pool.destroy();
  }
}

const poolTo = (url: string) => new Pool(url, { connections: 64, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });

interface Request {
  readonly key: string;
  readonly body: string;
  readonly signal: AbortSignal | null;
}

/** Resolves after the last byte. */
async function complete(
  pool: Pool,
  { key, body, signal }: Request,
  onToken: (now: number) => void = () => {},
): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const sentAt = performance.now();
  const answer = await pool.request({ path: '/v1/chat/completions', method: 'POST', headers, body, signal });
  if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${await answer.body.text()}`);
  const tokens: string[] = [];
  let firstAt = Number.NaN;
  let rest = '';
  for await (const piece of answer.body.setEncoding('utf8')) {
    const now = performance.now();
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const content of lines.map(contentOf)) {
      if (content === undefined) continue;
      if (tokens.push(content) === 1) firstAt = now;
      onToken(now);
    }
  }
  return { sentAt, firstTokenMs: firstAt - sentAt, endedAt: performance.now(), text: tokens.join('') };
}

function contentOf(line: string): string | undefined {
  if (!line.startsWith('data: {')) return undefined;
  return JSON.parse(line.slice('data: '.length)).choices?.[0]?.delta?.content;
}

/** Each prompt is another one: an engine could reuse what it has of a prompt it knows. */
function bodyOf(model: string, { words, maxTokens }: Size, random: Random): string {
  const syllable = () => 'bcdfghjklmnprstvwz'.charAt(random.integer(18)) + 'aeiou'.charAt(random.integer(5));
  const content = Array.from({ length: words }, () => syllable() + syllable()).join(' ');
  return JSON.stringify({ model, messages: [{ role: 'user', content }], max_tokens: maxTokens, stream: true });
}
