/** A request for a chat completion, as far as the engine needs it. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';

/** Answered as an error of OpenAI's API. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ChatRequest {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

const Body = Type.Object({
  model: Type.String(),
  messages: Type.Array(Type.Object({ role: Type.String(), content: Type.String() }), { minItems: 1 }),
  max_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
  stream: Type.Optional(Type.Boolean()),
  stream_options: Type.Optional(Type.Object({ include_usage: Type.Optional(Type.Boolean()) })),
});

/** Throws `Refused` that names the field and what it must be. */
export function chatRequestOf(text: string): ChatRequest {
  const body = parsed(text);
  if (!Value.Check(Body, body)) {
    const [fault] = Value.Errors(Body, body);
    throw new Refused(400, `${fault?.instancePath || 'The body'} ${fault?.message}.`);
  }
  return {
    model: body.model,
    prompt: body.messages.map(({ role, content }) => `${role}: ${content}\n`).join(''),
    maxTokens: body.max_tokens ?? 64,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, 'The body is not JSON.');
  }
}
