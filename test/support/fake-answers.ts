/** The answers of a friendly upstream, in the dialect of the route. */

/** The fake upstream's answer to one request; every omitted field has the friendly default. */
export interface Reply {
  /** Waits for a `release()` before the answer begins. */
  readonly hold?: boolean;
  /** Waits this long before the answer begins. */
  readonly afterMs?: number;
  readonly status?: number;
  readonly headers?: Record<string, string | string[]>;
  /** Sent unchanged (a string or bytes) or as JSON; by default an answer in the route's dialect. */
  readonly body?: unknown;
  /** An SSE answer with this text, all at once; gated, its end waits for a `release()`. */
  readonly events?: string;
  /** An SSE answer of this many delta events. */
  readonly chunks?: number;
  /** Each delta event waits for a `release()` of its own. */
  readonly gated?: boolean;
  /** Whether usage is reported; input 9 (cached 4), output = `chunks`, or 12 when not streaming. */
  readonly usage?: boolean;
  /**
   * `reset` cuts the connection before any header; `break` cuts it after the delta events (or in the
   * middle of the JSON); `silence` never answers; `stall` sends the delta events and then nothing more.
   */
  readonly fault?: 'reset' | 'break' | 'silence' | 'stall';
}

const openaiUsage = (output: number) => ({
  prompt_tokens: 9,
  completion_tokens: output,
  total_tokens: 9 + output,
  prompt_tokens_details: { cached_tokens: 4 },
});
const anthropicInput = { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 4 };

export function wholeAnswer(url: string, usage: boolean): object {
  if (url.startsWith('/v1/models')) return { object: 'list', data: [] };
  if (url.startsWith('/v1/messages')) {
    return {
      id: 'msg_fake',
      type: 'message',
      role: 'assistant',
      model: 'fake',
      content: [{ type: 'text', text: 'Hello.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      ...(usage ? { usage: { ...anthropicInput, output_tokens: 12 } } : {}),
    };
  }
  return {
    id: 'chatcmpl-fake',
    object: 'chat.completion',
    created: 1,
    model: 'fake',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
    ...(usage ? { usage: openaiUsage(12) } : {}),
  };
}

export interface StreamedAnswer {
  readonly before: string;
  readonly deltas: readonly string[];
  readonly after: string;
}

export function streamedAnswer(url: string, count: number, usage: boolean): StreamedAnswer {
  const words = Array.from({ length: count }, (_, index) => `w${index} `);
  return url.startsWith('/v1/messages') ? anthropicStream(words, usage) : openaiStream(words, usage);
}

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: { type: string }) => `event: ${value.type}\n${data(value)}`;

const end = 'data: [DONE]\n\n';

function openaiStream(words: readonly string[], usage: boolean): StreamedAnswer {
  const chunk = (choices: unknown[], more: object = {}) =>
    data({ id: 'chatcmpl-fake', object: 'chat.completion.chunk', created: 1, model: 'fake', choices, ...more });
  const choice = (delta: object, finish: string | null = null) => [{ index: 0, delta, finish_reason: finish }];
  return {
    before: '',
    deltas: words.map(word => chunk(choice({ content: word }))),
    after: chunk(choice({}, 'stop')) + (usage ? chunk([], { usage: openaiUsage(words.length) }) : '') + end,
  };
}

function anthropicStream(words: readonly string[], usage: boolean): StreamedAnswer {
  const message = { id: 'msg_fake', type: 'message', role: 'assistant', model: 'fake', content: [] };
  const told = (tokens: object) => (usage ? { usage: tokens } : {});
  const event = (type: string, more: object = {}) => named({ type, ...more });
  return {
    before:
      event('message_start', { message: { ...message, ...told({ ...anthropicInput, output_tokens: 1 }) } }) +
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    deltas: words.map(text => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    after:
      event('content_block_stop', { index: 0 }) +
      event('message_delta', { delta: { stop_reason: 'end_turn' }, ...told({ output_tokens: words.length }) }) +
      event('message_stop'),
  };
}

/** Returns strings and bytes unchanged, other values as JSON. */
export function asBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
