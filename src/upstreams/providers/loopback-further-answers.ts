/** What the loopback answers on the routes that `passthrough` is about: short, whole, in the vendors' shapes. */
export interface FurtherAsked {
  readonly model: string;
  readonly id: string;
  readonly inputTokens: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

const embeddedUsage = ({ inputTokens }: FurtherAsked) => ({ prompt_tokens: inputTokens, total_tokens: inputTokens });

const transcription = ({ text }: FurtherAsked) => ({ text });

/** A transparent PNG of one pixel. */
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const images = () => ({ created: 0, data: [{ b64_json: pixel }] });

const countOf = (value: unknown): number => (Array.isArray(value) ? value.length : 1);

const moderation = ({ id, model, body }: FurtherAsked) => ({
  id: `modr-${id}`,
  model: model || 'loopback',
  results: Array.from({ length: countOf(body.input) }, () => ({
    flagged: false,
    categories: {},
    category_scores: {},
    category_applied_input_types: {},
  })),
});

const rerank = (asked: FurtherAsked) => ({
  id: `rerank-${asked.id}`,
  model: asked.model,
  usage: { total_tokens: asked.inputTokens },
  results: Array.from({ length: countOf(asked.body.documents) }, (_, index) => ({
    index,
    relevance_score: 1 / (index + 1),
  })),
});

const score = (asked: FurtherAsked) => ({
  id: `score-${asked.id}`,
  object: 'list',
  created: 0,
  model: asked.model,
  data: Array.from({ length: countOf(asked.body.text_2) }, (_, index) => ({ index, object: 'score', score: 0.5 })),
  usage: embeddedUsage(asked),
});

const ocr = ({ model, text }: FurtherAsked) => ({
  model,
  pages: [{ index: 0, markdown: text, images: [], dimensions: null }],
  usage_info: { pages_processed: 1, doc_size_bytes: null },
});

const compacted = ({ id, inputTokens }: FurtherAsked) => ({
  id: `resp_${id}`,
  object: 'response.compaction',
  created_at: 0,
  output: [],
  usage: { input_tokens: inputTokens, output_tokens: 1, total_tokens: inputTokens + 1 },
});

const tokenized = ({ inputTokens }: FurtherAsked) => ({
  count: inputTokens,
  max_model_len: 4096,
  tokens: Array.from({ length: Math.min(inputTokens, 4096) }, (_, index) => index),
});

const answers: Readonly<Record<string, (asked: FurtherAsked) => object>> = {
  '/audio/transcriptions': transcription,
  '/audio/translations': transcription,
  '/images/generations': images,
  '/images/edits': images,
  '/images/variations': images,
  '/moderations': moderation,
  '/rerank': rerank,
  '/score': score,
  '/ocr': ocr,
  '/responses/compact': compacted,
  '/responses/input_tokens': ({ inputTokens }) => ({ object: 'response.input_tokens', input_tokens: inputTokens }),
  '/tokenize': tokenized,
  '/detokenize': ({ text }) => ({ prompt: text }),
};

/** Null where the path is none of them. */
export const furtherAnswer = (path: string, asked: FurtherAsked): object | null =>
  Object.hasOwn(answers, path) ? (answers[path]?.(asked) ?? null) : null;

const sampleRate = 8_000;

/** A second of silence as WAV: 16 bits, one channel. */
export function silence(): Buffer {
  const bytes = 2 * sampleRate;
  const wave = Buffer.alloc(44 + bytes);
  wave.write('RIFF', 0, 'latin1');
  wave.writeUInt32LE(36 + bytes, 4);
  wave.write('WAVEfmt ', 8, 'latin1');
  wave.writeUInt32LE(16, 16);
  wave.writeUInt16LE(1, 20);
  wave.writeUInt16LE(1, 22);
  wave.writeUInt32LE(sampleRate, 24);
  wave.writeUInt32LE(bytes, 28);
  wave.writeUInt16LE(2, 32);
  wave.writeUInt16LE(16, 34);
  wave.write('data', 36, 'latin1');
  wave.writeUInt32LE(bytes, 40);
  return wave;
}
