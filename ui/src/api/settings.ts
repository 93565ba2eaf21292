import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Settings, SettingsPatch } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type { Settings, SettingsPatch };
/** A setting of mapping that is changed while the gateway runs. */
export type SettingName = Exclude<keyof Settings, 'source'>;

const settingsKey = ['settings'] as const;
const url = '/api-key-priority/config';

/** What is in effect of mapping, and where each value comes from. Only Team has it. */
export const useSettings = () =>
  useQuery({ queryKey: settingsKey, queryFn: ({ signal }) => api.get<Settings>(url, { signal }) });

/** Changes some settings; null takes the stored value away, so that environment, file or default hold again. */
export function useSaveSettings() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (patch: SettingsPatch) => api.put<Settings>(url, patch),
    onSuccess: settings => {
      queries.setQueryData(settingsKey, settings);
      // The mappings' pages say what holds of them.
      return queries.invalidateQueries({ queryKey: ['mappings'] });
    },
  });
}
