import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Settings, SettingsPatch } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type { Settings, SettingsPatch };
/** A setting of mapping that can change while the gateway runs. */
export type SettingName = Exclude<keyof Settings, 'source'>;

const settingsKey = ['settings'] as const;
const url = '/api-key-priority/config';

/** The settings in effect, and the source of each value. Team only. */
export const useSettings = () =>
  useQuery({ queryKey: settingsKey, queryFn: ({ signal }) => api.get<Settings>(url, { signal }) });

/** Changes some settings; null deletes the stored value, so that environment, file or default apply again. */
export function useSaveSettings() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (patch: SettingsPatch) => api.put<Settings>(url, patch),
    onSuccess: settings => {
      queries.setQueryData(settingsKey, settings);
      // The pages of mappings show whether these settings are enforced.
      return queries.invalidateQueries({ queryKey: ['mappings'] });
    },
  });
}
