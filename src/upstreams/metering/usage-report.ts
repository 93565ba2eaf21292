/**
 * The tokens of a request as an upstream reports them, in any dialect and any number of times. For each field the
 * largest number counts: a later null or 0 has no effect, and a count that grows from event to event ends with the
 * total.
 */
import type { Usage } from '../../domain/usage.ts';

/** Larger numbers, fractions and negative ones are not valid counts of tokens. */
const mostTokens = 1e9;

/** In OpenAI's Chat Completions, which includes the tokens read from the cache … */
const promptFields = ['prompt_tokens'] as const;
/** … and of Responses, which does too, and of Anthropic, which does not. */
const inputFields = ['input_tokens'] as const;
const outputFields = ['completion_tokens', 'output_tokens'] as const;
/** Anthropic's parts of the input that `input_tokens` leaves out. */
const besideFields = ['cache_read_input_tokens', 'cache_creation_input_tokens'] as const;
/** In OpenAI's details, and in other places of DeepSeek, Moonshot, Mistral, xAI, LiteLLM. */
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

  /** Something other than zeros was reported: every request has tokens. */
  get isTold(): boolean {
    for (const tokens of this.#told.values()) if (tokens > 0) return true;
    return false;
  }

  /** A reported 0 counts; null if nothing was reported. */
  get outputTokens(): number | null {
    for (const field of outputFields) {
      const told = this.#told.get(field);
      if (told !== undefined) return told;
    }
    const total = this.#sum(['total_tokens']);
    const input = this.#inputTokens();
    return total > input && input > 0 ? total - input : null;
  }

  /** Missing fields are 0. */
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
