import { errors } from '../../../domain/errors.ts';
import { isLevel } from '../../../domain/vocabulary.ts';
import type { Explanation, Question } from '../../../priority/priority.ts';
import { type AdminApp, admins } from '../access.ts';
import { type AskedQuestion, explanation, question } from '../contract/inspect.ts';

/** The parts of the inspector that this route uses. */
export interface ExplainService {
  explain(question: Question): Promise<Explanation>;
}

export function explainRoutes(app: AdminApp, inspector: ExplainService): void {
  app.post(
    '/api-key-priority/explain',
    {
      config: { roles: admins },
      schema: { summary: 'Which mapping wins for a key, and why', body: question, response: { 200: explanation } },
    },
    async (request, reply) =>
      // The answer about a key must not remain in a cache on the way.
      reply.header('cache-control', 'no-store').send(await inspector.explain(parseQuestion(request.body))),
  );
}

function parseQuestion({ key, key_prefix, x_priority }: AskedQuestion): Question {
  if (key !== undefined && key_prefix !== undefined)
    throw errors.invalidRequest('Send either key or key_prefix, not both.', 'key_prefix');
  const text = key ?? key_prefix;
  if (text === undefined)
    throw errors.invalidRequest('key is missing: send a whole API key as key, or its beginning as key_prefix.', 'key');
  return { key: text, isWhole: key !== undefined, asked: isLevel(x_priority) ? x_priority : null };
}
