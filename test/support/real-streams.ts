/** Complete streams of the four kinds, as the vendors send them: text and bytes to be cut anywhere. */
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, more: object = {}) => `event: ${type}\n${data({ type, ...more })}`;
const text = (words: number) => Array.from({ length: words }, (_, index) => `word${index} "q" \\ ü\n`).join('');

const chunk = (choices: unknown[], more: object = {}) =>
  data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, usage: null, ...more });

const chat = (events: number, words: number): string =>
  [
    chunk([{ index: 0, delta: { role: 'assistant', content: '' } }]),
    ...Array.from({ length: events }, () => chunk([{ index: 0, delta: { content: text(words) } }])),
    chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]),
    chunk([], { usage: { prompt_tokens: 9, completion_tokens: events, total_tokens: 9 + events } }),
    'data: [DONE]\n\n',
  ].join('');

const messages = (events: number, words: number): string =>
  [
    named('message_start', { message: { id: 'msg_1', content: [], usage: { input_tokens: 9, output_tokens: 1 } } }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    named('ping'),
    ...Array.from({ length: events }, () =>
      named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: text(words) } }),
    ),
    named('content_block_stop', { index: 0 }),
    named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: events } }),
    named('message_stop'),
  ].join('');

const responses = (events: number, words: number): string =>
  [
    named('response.created', { response: { id: 'resp_1', status: 'in_progress', usage: null } }),
    ...Array.from({ length: events }, () => named('response.output_text.delta', { delta: text(words) })),
    named('response.output_text.done', { text: text(events * words) }),
    named('response.completed', {
      response: {
        status: 'completed',
        output: [text(events * words)],
        usage: { input_tokens: 9, output_tokens: events },
      },
    }),
  ].join('');

export interface RealStream {
  readonly path: string;
  readonly bytes: Buffer;
}

const kinds: [string, (events: number, words: number) => string][] = [
  ['/v1/chat/completions', chat],
  ['/v1/messages', messages],
  ['/v1/responses', responses],
];

/** Small events and large ones, with line breaks of both kinds. */
export const realStreams: readonly RealStream[] = kinds.flatMap(([path, make]) =>
  [make(12, 1), make(8, 25), make(4, 250)].flatMap(stream => [
    { path, bytes: Buffer.from(stream) },
    { path, bytes: Buffer.from(stream.replaceAll('\n', '\r\n')) },
  ]),
);
