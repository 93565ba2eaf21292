/** Mappings to choose from: a few at a time that match the typed text. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Mapping, MappingList } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type MappingChoice = Pick<Mapping, 'id' | 'pattern' | 'priority' | 'tenant_id' | 'tenant_name'>;

const url = '/api-key-priority/mappings';
const mostShown = 20;

export const useMappingChoices = (q: string | undefined) =>
  useQuery({
    queryKey: ['mappings', 'choices', q],
    queryFn: async ({ signal }): Promise<readonly MappingChoice[]> =>
      (await api.get<MappingList>(url, { query: { q, limit: mostShown }, signal })).mappings,
    placeholderData: keepPreviousData,
  });

export const useMappingChoice = (id: number | null) =>
  useQuery({
    queryKey: ['mappings', 'choice', id],
    queryFn: ({ signal }) => api.get<MappingChoice>(`${url}/${id}`, { signal }),
    enabled: id !== null,
  });
