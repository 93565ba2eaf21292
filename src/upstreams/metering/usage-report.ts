/**
 * What an upstream tells of a request's tokens, in whatever dialect and however often. Per field the largest number
 * counts: a later null or 0 takes nothing back, and who counts up from event to event ends with the sum.
 */
import type { Usage } from '../../domain/usage.ts';

/** Larger numbers, fractions and negative ones are nobody's count of tokens. */
const mostTokens = 1e9;

/** Of OpenAI's Chat Completions, which includes what was read from the cache … */
const promptFields = ['prompt_tokens'] as const;
/** … and of Responses, which does too, and of Anthropic, which does not. */
const inputFields = ['input_tokens'] as const;
const outputFields = ['completion_tokens', 'output_tokens'] as const;
/** Anthropic's parts of the input that `input_tokens` leaves out. */
const besideFields = ['cache_read_input_tokens', 'cache_creation_input_tokens'] as const;
/** As OpenAI has it in its details, and vendors elsewhere: DeepSeek, Moonshot, Mistral, xAI, LiteLLM. */
const cachedFields = [
  'cached_tokens',
  'prompt_cache_hit_tokens',
  'cache_read_tokens',
  'num_cached_tokens',
  'prompt_cached_tokens',
  'cached_prompt_tokens',
  'cached_prompt_text_tokens',
  'cached_input_tokens',
] as const;

export const usageFields = [
  ...promptFields,
  ...inputFields,
  ...outputFields,
  'total_tokens',
  ...besideFields,
  ...cachedFields,
] as const;
export type UsageField = (typeof usageFields)[number];

const cachedNames: ReadonlySet<UsageField> = new Set([...cachedFields, 'cache_read_input_tokens']);

export class UsageReport {
  readonly #told = new Map<UsageField, number>();

  /** `text` as it is written in the JSON; false where that is no count of tokens. */
  tell(field: UsageField, text: string): boolean {
    const tokens = Number(text);
    if (!(tokens >= 0 && tokens <= mostTokens) || !Number.isInteger(tokens)) return false;
    this.#told.set(field, Math.max(tokens, this.#told.get(field) ?? 0));
    return true;
  }

  /** Something else than zeros was told: no request has no tokens at all. */
  get isTold(): boolean {
    for (const tokens of this.#told.values()) if (tokens > 0) return true;
    return false;
  }

  /** 0 is told, too; null where nothing is. */
  get outputTokens(): number | null {
    for (const field of outputFields) {
      const told = this.#told.get(field);
      if (told !== undefined) return told;
    }
    const total = this.#sum(['total_tokens']);
    const input = this.#inputTokens();
    return total > input && input > 0 ? total - input : null;
  }

  /** What is not told is 0. */
  usage(): Usage {
    const outputTokens = this.outputTokens ?? 0;
    const inputTokens = this.#inputTokens() || Math.max(this.#sum(['total_tokens']) - outputTokens, 0);
    return { inputTokens, cachedInputTokens: Math.min(this.#cachedTokens(), inputTokens), outputTokens };
  }

  #inputTokens(): number {
    return this.#sum(promptFields) || Math.min(this.#sum([...inputFields, ...besideFields]), mostTokens);
  }

  #cachedTokens(): number {
    let most = 0;
    for (const [field, tokens] of this.#told) if (cachedNames.has(field)) most = Math.max(most, tokens);
    return most;
  }

  #sum(fields: readonly UsageField[]): number {
    let sum = 0;
    for (const field of fields) sum += this.#told.get(field) ?? 0;
    return sum;
  }
}
