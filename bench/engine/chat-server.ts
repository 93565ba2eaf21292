/** OpenAI's chat completions, streamed or whole, of an engine. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ChatRequest, chatRequestOf, Refused } from './chat-request.ts';
import type { Llama } from './llama.ts';

const bodyBytes = 1 << 20;
const queuePlaces = 1_000;

export function chatServer(llama: Llama): Server {
  const server = createServer((req, res) => void answer(llama, req, res));
  server.keepAliveTimeout = 120_000;
  return server;
}

interface Answering {
  readonly llama: Llama;
  readonly chat: ChatRequest;
  readonly res: ServerResponse;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

async function answer(llama: Llama, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const left = new AbortController();
  res.once('close', () => left.abort());
  res.on('error', () => {}); // written to a client that has just left
  try {
    if (req.method !== 'POST' || req.url !== '/v1/chat/completions') {
      throw new Refused(404, 'There is only POST /v1/chat/completions.');
    }
    const chat = chatRequestOf(await textOf(req));
    if (llama.waiting >= queuePlaces) throw new Refused(503, 'The queue is full.');
    await (chat.stream ? answerStream : answerWhole)({ llama, chat, res, signal: left.signal });
  } catch (error) {
    if (left.signal.aborted) return;
    const { status, message } = error instanceof Refused ? error : new Refused(500, String(error));
    if (res.headersSent) res.destroy();
    else sendJson(res, status, { error: { message, type: 'invalid_request_error', param: null, code: null } });
  }
}

async function textOf(req: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bodyBytes) throw new Refused(413, `The body has more than ${bodyBytes} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

interface Generated {
  readonly texts: AsyncGenerator<string, void>;
  readonly promptTokens: number;
}

function generated({ llama, chat, signal }: Answering): Generated {
  const prompt = llama.tokensOf(chat.prompt);
  if (prompt.length + chat.maxTokens > llama.contextTokens) {
    const asked = `${prompt.length} tokens of the prompt and max_tokens ${chat.maxTokens}`;
    throw new Refused(400, `${asked} are more than the context of ${llama.contextTokens}.`);
  }
  return { texts: llama.generate(prompt, chat.maxTokens, signal), promptTokens: prompt.length };
}

async function answerWhole(answering: Answering): Promise<void> {
  const { texts, promptTokens } = generated(answering);
  const pieces: string[] = [];
  for await (const text of texts) pieces.push(text);
  const message = { role: 'assistant', content: pieces.join('') };
  sendJson(answering.res, 200, {
    ...envelope(answering.chat, 'chat.completion'),
    choices: [{ index: 0, message, finish_reason: reasonOf(answering.chat, pieces.length) }],
    usage: usageOf(promptTokens, pieces.length),
  });
}

/** The head goes with the first token, as llama.cpp's own server does it. */
async function answerStream(answering: Answering): Promise<void> {
  const { chat, res } = answering;
  const { texts, promptTokens } = generated(answering);
  const head = envelope(chat, 'chat.completion.chunk');
  const send = (rest: object) => res.write(`data: ${JSON.stringify({ ...head, ...rest })}\n\n`);
  let tokens = 0;
  for await (const content of texts) {
    if (tokens++ === 0) res.writeHead(200, { 'content-type': 'text/event-stream' });
    send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }
  send({ choices: [{ index: 0, delta: {}, finish_reason: reasonOf(chat, tokens) }] });
  if (chat.includeUsage) send({ choices: [], usage: usageOf(promptTokens, tokens) });
  res.end('data: [DONE]\n\n');
}

const envelope = ({ model }: ChatRequest, object: string) => ({
  id: `chatcmpl-${randomUUID()}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model,
});

const reasonOf = ({ maxTokens }: ChatRequest, tokens: number) => (tokens === maxTokens ? 'length' : 'stop');

const usageOf = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
});

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
