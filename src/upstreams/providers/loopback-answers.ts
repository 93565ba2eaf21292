import type { Body } from '../../domain/body.ts';
import type { UpstreamCall } from '../provider.ts';
import { furtherAnswer, silence } from './loopback-further-answers.ts';

/** The loopback's answer to a call. */
export interface LoopbackAnswer {
  readonly contentType: string;
  /** The delay before the first byte beyond the service time, in times of a chunk. */
  readonly chunksBefore: number;
  /** Sent one after the other: a stream's opening, twenty chunks and its end; otherwise one part. */
  readonly parts: readonly (string | Buffer)[];
}

const chunkCount = 20;
const words = Array.from({ length: chunkCount }, (_, index) => (index === 0 ? 'loopback' : ` ${index + 1}`));
const text = words.join('');
const embedding = [0.25, -0.5, 0.125, 1];

interface Asked {
  readonly model: string;
  readonly id: string;
  readonly inputTokens: number;
  readonly body: Record<string, unknown>;
}

export function loopbackAnswer(call: UpstreamCall): LoopbackAnswer {
  const body = parsedBody(call.body);
  const asked = {
    model: call.upstreamModel,
    id: call.requestId,
    inputTokens: call.inputEstimate,
    body,
  };
  const path = call.path.split('?')[0] ?? '';
  const further = furtherAnswer(path, { ...asked, text });
  if (further !== null) return json(further, 0);
  switch (path) {
    case '/audio/speech':
      return { contentType: 'audio/wav', chunksBefore: 0, parts: [silence()] };
    case '/embeddings':
      return json(embeddings(asked), 0);
    case '/v1/messages/count_tokens':
      return json({ input_tokens: asked.inputTokens }, 0);
    case '/v1/messages':
      return call.stream ? stream(messageEvents(asked)) : json(message(asked));
    case '/responses':
      return call.stream ? stream(responseEvents(asked)) : json(response(asked, 'completed'));
    case '/completions':
      return call.stream ? stream(completionEvents(asked)) : json(completion(asked));
    default:
      return call.stream ? stream(chatEvents(asked)) : json(chat(asked));
  }
}

/** A longer body is not parsed, because parsing would block other requests. */
const longestParsed = 256 * 1024;

/** An unreadable body counts as empty. */
function parsedBody(body: Body | null): Record<string, unknown> {
  if (body === null || body.bytes > longestParsed) return {};
  try {
    return JSON.parse(Buffer.concat(body.pieces).toString());
  } catch {
    return {};
  }
}

const json = (answer: object, chunksBefore = chunkCount): LoopbackAnswer => ({
  contentType: 'application/json',
  chunksBefore,
  parts: [JSON.stringify(answer)],
});

const stream = (parts: readonly string[]): LoopbackAnswer => ({
  contentType: 'text/event-stream; charset=utf-8',
  chunksBefore: 0,
  parts,
});

const data = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
const named = (type: string, more: object = {}) => `event: ${type}\n${data({ type, ...more })}`;
const done = 'data: [DONE]\n\n';

const openaiUsage = ({ inputTokens }: Asked) => ({
  prompt_tokens: inputTokens,
  completion_tokens: chunkCount,
  total_tokens: inputTokens + chunkCount,
  prompt_tokens_details: { cached_tokens: 0 },
});

function chat(asked: Asked) {
  const choice = {
    index: 0,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: null,
    finish_reason: 'stop',
  };
  const { id, model } = asked;
  return { id, object: 'chat.completion', created: 0, model, choices: [choice], usage: openaiUsage(asked) };
}

function chatEvents(asked: Asked): string[] {
  const { id, model } = asked;
  const event = (choices: object[], usage: object | null = null) =>
    data({ id, object: 'chat.completion.chunk', created: 0, model, choices, usage });
  const choice = (delta: object, finish: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason: finish },
  ];
  return [
    event(choice({ role: 'assistant', content: '' })),
    ...words.map(content => event(choice({ content }))),
    event(choice({}, 'stop')) + event([], openaiUsage(asked)) + done,
  ];
}

const completionChoice = (piece: string, finish: string | null) => [
  { index: 0, text: piece, logprobs: null, finish_reason: finish },
];

function completion(asked: Asked) {
  const { id, model } = asked;
  const choices = completionChoice(text, 'stop');
  return { id, object: 'text_completion', created: 0, model, choices, usage: openaiUsage(asked) };
}

function completionEvents(asked: Asked): string[] {
  const { id, model } = asked;
  const event = (choices: object[], usage: object | null = null) =>
    data({ id, object: 'text_completion', created: 0, model, choices, usage });
  return [
    event(completionChoice('', null)),
    ...words.map(word => event(completionChoice(word, null))),
    event(completionChoice('', 'stop')) + event([], openaiUsage(asked)) + done,
  ];
}

function embeddings({ model, inputTokens, body }: Asked) {
  const inputs = Array.isArray(body.input) && typeof body.input[0] !== 'number' ? body.input.length : 1;
  const vector =
    body.encoding_format === 'base64' ? Buffer.from(new Float32Array(embedding).buffer).toString('base64') : embedding;
  return {
    object: 'list',
    model,
    data: Array.from({ length: inputs }, (_, index) => ({ object: 'embedding', index, embedding: vector })),
    usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
  };
}

const outputItem = (asked: Asked, status: string, content: object[]) => ({
  id: `msg_${asked.id}`,
  type: 'message',
  role: 'assistant',
  status,
  content,
});
const outputText = (piece: string) => ({ type: 'output_text', text: piece, annotations: [], logprobs: [] });

function response(asked: Asked, status: 'in_progress' | 'completed') {
  const isDone = status === 'completed';
  return {
    id: `resp_${asked.id}`,
    object: 'response',
    created_at: 0,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: asked.model,
    output: isDone ? [outputItem(asked, status, [outputText(text)])] : [],
    parallel_tool_calls: false,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: isDone
      ? {
          input_tokens: asked.inputTokens,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: chunkCount,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: asked.inputTokens + chunkCount,
        }
      : null,
  };
}

function responseEvents(asked: Asked): string[] {
  let sequence = 0;
  const event = (type: string, more: object) => named(type, { ...more, sequence_number: sequence++ });
  const place = { output_index: 0, item_id: `msg_${asked.id}`, content_index: 0 };
  return [
    event('response.created', { response: response(asked, 'in_progress') }) +
      event('response.output_item.added', { output_index: 0, item: outputItem(asked, 'in_progress', []) }) +
      event('response.content_part.added', { ...place, part: outputText('') }),
    ...words.map(delta => event('response.output_text.delta', { ...place, delta, logprobs: [] })),
    event('response.output_text.done', { ...place, text, logprobs: [] }) +
      event('response.content_part.done', { ...place, part: outputText(text) }) +
      event('response.output_item.done', {
        output_index: 0,
        item: outputItem(asked, 'completed', [outputText(text)]),
      }) +
      event('response.completed', { response: response(asked, 'completed') }),
  ];
}

const anthropicUsage = ({ inputTokens }: Asked, outputTokens: number) => ({
  input_tokens: inputTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: outputTokens,
});

const messageOf = (asked: Asked, content: object[], stopReason: string | null, outputTokens: number) => ({
  id: `msg_${asked.id}`,
  type: 'message',
  role: 'assistant',
  model: asked.model,
  content,
  stop_reason: stopReason,
  stop_sequence: null,
  usage: anthropicUsage(asked, outputTokens),
});

const message = (asked: Asked) => messageOf(asked, [{ type: 'text', text }], 'end_turn', chunkCount);

function messageEvents(asked: Asked): string[] {
  const index = 0;
  return [
    named('message_start', { message: messageOf(asked, [], null, 1) }) +
      named('content_block_start', { index, content_block: { type: 'text', text: '' } }),
    ...words.map(word => named('content_block_delta', { index, delta: { type: 'text_delta', text: word } })),
    named('content_block_stop', { index }) +
      named('message_delta', {
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: anthropicUsage(asked, chunkCount),
      }) +
      named('message_stop'),
  ];
}
