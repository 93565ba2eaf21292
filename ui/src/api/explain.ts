import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { AskedQuestion, ExplainedRow, Explanation } from '../../../src/http/admin/contract/inspect.ts';
import type { ExplainedRoute } from '../../../src/http/admin/contract/route.ts';
import { api } from './client.ts';

export type { AskedQuestion, ExplainedRoute, ExplainedRow };

/** The answer with the kind of its question: a whole key, or a beginning. */
export type Answered = Explanation & { readonly isWhole: boolean };

/**
 * A mutation, not a query: the question holds a key, which must not stay in memory as the key of a cache. The answer
 * stays until there is another one.
 */
export function useExplaining() {
  const [explanation, setExplanation] = useState<Answered | null>(null);
  const asking = useMutation({
    mutationFn: (question: AskedQuestion) => api.post<Explanation>('/api-key-priority/explain', question),
    gcTime: 0,
    onSuccess: (answer, { key }) => setExplanation({ ...answer, isWhole: key !== undefined }),
    onError: () => setExplanation(null),
  });
  return { ask: asking.mutate, error: asking.error, isAsking: asking.isPending, explanation };
}
