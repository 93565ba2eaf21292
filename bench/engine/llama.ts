/** llama.cpp with one model: answers a fixed number of prompts at a time, in common batches; the others wait in a queue. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FirstCome } from './first-come.ts';
import { NoEngine } from './install.ts';

type Token = number & { readonly token: never };

/** What is used here of node-llama-cpp. */
interface Library {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<Model> }>;
}

interface Model {
  readonly tokens: { readonly bos: Token };
  tokenize(text: string): Token[];
  detokenize(tokens: readonly Token[], specialTokens: boolean, lastTokens: readonly Token[]): string;
  createContext(options: object): Promise<{ readonly contextSize: number; getSequence(): Sequence }>;
}

/** The tokens that one prompt and its answer have in the KV cache. */
interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly Token[], options: object): AsyncIterable<Token>;
}

export interface LlamaOptions {
  /** The folder that node-llama-cpp is installed in. */
  readonly folder: string;
  readonly modelFile: string;
  /** Prompts answered at the same time. */
  readonly sequences: number;
  /** Of one prompt with its answer. */
  readonly contextTokens: number;
}

export interface Llama {
  readonly contextTokens: number;
  readonly waiting: number;
  tokensOf(prompt: string): Token[];
  /** Generates the most probable tokens, at most this many, as text; the same prompt has the same answer. Rejects when aborted. */
  generate(prompt: readonly Token[], maxTokens: number, signal: AbortSignal): AsyncGenerator<string, void>;
}

export async function startLlama(options: LlamaOptions): Promise<Llama> {
  const model = await load(options);
  const { sequences, contextTokens: contextSize } = options;
  const context = await model.createContext({ sequences, contextSize, threads: 1 });
  const lent = new FirstCome(Array.from({ length: sequences }, () => context.getSequence()));
  return {
    contextTokens: context.contextSize,
    get waiting() {
      return lent.waiting;
    },
    tokensOf: prompt => [model.tokens.bos, ...model.tokenize(prompt)],
    async *generate(prompt, maxTokens, signal) {
      const sequence = await lent.take(signal);
      try {
        // Nothing of an earlier prompt is used again, so the same prompt always costs the same.
        await sequence.clearHistory();
        yield* answer(model, sequence, { prompt, maxTokens, signal });
      } finally {
        lent.giveBack(sequence);
      }
    },
  };
}

async function load({ folder, modelFile }: LlamaOptions): Promise<Model> {
  try {
    const file = join(folder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
    const { getLlama } = (await import(pathToFileURL(file).href)) as Library;
    const prebuilt = { gpu: false, build: 'never', skipDownload: true, progressLogs: false };
    const llama = await getLlama({ ...prebuilt, maxThreads: 1, logLevel: 'error' });
    return await llama.loadModel({ modelPath: modelFile });
  } catch (error) {
    throw new NoEngine(`The engine does not start. To have it installed anew, delete ${folder}.`, { cause: error });
  }
}

interface Question {
  readonly prompt: readonly Token[];
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

async function* answer(model: Model, sequence: Sequence, { prompt, maxTokens, signal }: Question) {
  const said: Token[] = [];
  for await (const token of sequence.evaluate(prompt, { temperature: 0 })) {
    signal.throwIfAborted();
    yield model.detokenize([token], false, said);
    said.push(token);
    if (said.length === maxTokens) return;
  }
}
