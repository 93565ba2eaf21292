/** Whether an upstream answers, and what it serves: over connections of its own, by the rules of all calls. */
import type { HttpProviderConfig } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import type { GatewayError } from '../domain/errors.ts';
import type { Sink } from '../domain/sink.ts';
import { withoutKeys } from '../telemetry/text.ts';
import { systemLookup } from './endpoints/addresses.ts';
import type { UpstreamCall } from './provider.ts';
import { HttpUpstream } from './providers/http.ts';

export interface TriedUpstream {
  readonly url: string;
  /** It has listed its models. */
  readonly answers: boolean;
  readonly ms: number;
  readonly models: readonly string[];
  readonly models_left_out: number;
  /** Why it has not; null: it has. */
  readonly error: string | null;
  /** The answer to one small request; null: none was sent. */
  readonly request: TriedRequest | null;
}

interface TriedRequest {
  /** Null: there was no answer. */
  readonly status: number | null;
  readonly ms: number;
  readonly error: string | null;
}

/** Tries each URL of a provider; `model`: also sends one request for one token. Never rejects. */
export type TryUpstream = (config: HttpProviderConfig, model: string | null) => Promise<readonly TriedUpstream[]>;

const mostUrls = 16;
const mostModels = 1_000;
const withinMs = 15_000;
const mostAnswerBytes = 64 * 1024;
const shownChars = 500;

export const tryUpstream =
  (clock: Clock): TryUpstream =>
  (config, model) =>
    Promise.all(config.baseUrls.slice(0, mostUrls).map(url => tryOne({ ...config, baseUrls: [url] }, model, clock)));

async function tryOne(config: HttpProviderConfig, model: string | null, clock: Clock): Promise<TriedUpstream> {
  const [url] = config.baseUrls;
  const { firstByteTimeoutMs, connectTimeoutMs, totalTimeoutMs } = config;
  const bounded = {
    ...config,
    healthPath: null,
    firstByteTimeoutMs: Math.min(firstByteTimeoutMs, withinMs),
    connectTimeoutMs: Math.min(connectTimeoutMs, withinMs),
    totalTimeoutMs: Math.min(totalTimeoutMs, withinMs),
  };
  const quiet = {
    random: Math.random,
    onChange: () => {},
    onFault: () => {},
    onTurn: () => {},
    onKeyRefused: () => {},
  };
  const upstream = new HttpUpstream(bounded, { ...quiet, clock, lookup: systemLookup });
  try {
    const listed = await listModels(upstream, clock);
    const sent = model === null ? null : await sendOne(upstream, { type: config.type, model, clock });
    const bare = (text: string | null) => text && withoutSecret(text, config);
    const request = sent && { ...sent, error: bare(sent.error) };
    return { url, ...listed, error: bare(listed.error), request };
  } finally {
    await upstream.close();
  }
}

/** An upstream may tell in its refusal which key it refuses. */
function withoutSecret(text: string, { apiKey, keys = [] }: HttpProviderConfig): string {
  const secrets = [apiKey, ...keys.map(({ secret }) => secret)].filter(secret => secret !== null);
  return withoutKeys(secrets.reduce((bare, secret) => bare.replaceAll(secret, '…'), text));
}

async function listModels(upstream: HttpUpstream, clock: Clock): Promise<Omit<TriedUpstream, 'url' | 'request'>> {
  const begun = clock.now();
  const took = () => Math.round(clock.now() - begun);
  try {
    const all = (await upstream.listModels()).map(({ id }) => id);
    const models = all.slice(0, mostModels);
    return { answers: true, ms: took(), models, models_left_out: all.length - models.length, error: null };
  } catch (error) {
    return { answers: false, ms: took(), models: [], models_left_out: 0, error: sentenceOf(error) };
  }
}

interface SmallRequest {
  readonly type: HttpProviderConfig['type'];
  readonly model: string;
  readonly clock: Clock;
}

async function sendOne(upstream: HttpUpstream, { type, model, clock }: SmallRequest): Promise<TriedRequest> {
  const begun = clock.now();
  const sink = new CollectingSink();
  try {
    await upstream.forward(callFor(type, model), sink);
    const isRefused = sink.status === null || sink.status >= 400;
    return { status: sink.status, ms: Math.round(clock.now() - begun), error: isRefused ? sink.text : null };
  } catch (error) {
    return { status: null, ms: Math.round(clock.now() - begun), error: sentenceOf(error) };
  }
}

function callFor(dialect: HttpProviderConfig['type'], model: string): UpstreamCall {
  const body = Buffer.from(JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'Say yes.' }] }));
  return {
    dialect,
    streamShape: dialect === 'anthropic' ? 'messages' : 'chunks',
    method: 'POST',
    path: dialect === 'anthropic' ? '/v1/messages' : '/chat/completions',
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.length),
      ...(dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}),
    },
    body: { pieces: [body], bytes: body.length },
    bodyPlaces: { closedAt: body.length - 1, urgency: { priority: [], service_tier: [] }, model: [] },
    model,
    upstreamModel: model,
    restoresModel: false,
    isAtRoot: false,
    endpoint: null,
    flowId: 'try',
    stream: false,
    requestId: `try-${Date.now().toString(36)}`,
    level: 9,
    inputEstimate: 0,
    outputLimit: 1,
    producesTokens: false,
    onOutput: () => {},
    onAnswer: () => {},
    onFailing: () => false,
  };
}

/** Keeps the beginning of an answer. */
class CollectingSink implements Sink {
  readonly isClosed = false;
  status: number | null = null;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  onClosed(): void {}
  ownHeaders(): Record<string, string> {
    return {};
  }
  begin(status: number): void {
    this.status = status;
  }
  flushHeaders(): void {}
  write(bytes: Buffer): boolean {
    if (this.#bytes < mostAnswerBytes) this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    return true;
  }
  onceDrained(): void {}
  end(last?: string): void {
    if (last !== undefined) this.write(Buffer.from(last));
  }
  breakOff(): void {}

  get text(): string {
    return Buffer.concat(this.#pieces).toString('utf8', 0, shownChars);
  }
}

/** An AggregateError, as for a refused connection, has no message of its own. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = (error as GatewayError).cause;
  const inner = cause instanceof Error ? cause : error;
  return (inner.message === '' && 'code' in inner ? String(inner.code) : inner.message).slice(0, shownChars);
}
