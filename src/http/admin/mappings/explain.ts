import { errors } from '../../../domain/errors.ts';
import { isLevel } from '../../../domain/vocabulary.ts';
import type { Explanation, Question } from '../../../priority/priority.ts';
import { type AdminApp, admins } from '../access.ts';
import { type AskedQuestion, explanation, question } from '../contract/inspect.ts';
import { explainRoute } from '../routes/explained-route.ts';
import type { RouteService } from '../routes/routes.ts';

/** The parts of the inspector that this route uses. */
export interface ExplainService {
  explain(question: Question): Promise<Explanation>;
}

export function explainRoutes(app: AdminApp, inspector: ExplainService, routes: Pick<RouteService, 'wayOf'>): void {
  app.post(
    '/api-key-priority/explain',
    {
      config: { roles: admins },
      schema: {
        summary: 'Which mapping wins for a key and which way a model’s requests go, and why',
        body: question,
        response: { 200: explanation },
      },
    },
    async ({ body }, reply) => {
      const { model, dialect = 'openai' } = body;
      const explained = await inspector.explain(parseQuestion(body));
      const route =
        model === undefined ? {} : { route: explainRoute(routes, { model, dialect, level: explained.priority }) };
      // The answer about a key must not remain in a cache on the way.
      return reply.header('cache-control', 'no-store').send({ ...explained, ...route });
    },
  );
}

function parseQuestion({ key, key_prefix, x_priority, model, dialect }: AskedQuestion): Question {
  if (dialect !== undefined && model === undefined)
    throw errors.invalidRequest('dialect needs model beside it.', 'dialect');
  if (key !== undefined && key_prefix !== undefined)
    throw errors.invalidRequest('Send either key or key_prefix, not both.', 'key_prefix');
  const text = key ?? key_prefix;
  if (text === undefined)
    throw errors.invalidRequest('key is missing: send a whole API key as key, or its beginning as key_prefix.', 'key');
  return { key: text, isWhole: key !== undefined, asked: isLevel(x_priority) ? x_priority : null };
}
