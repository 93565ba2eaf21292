import { useQuery } from '@tanstack/react-query';
import type { FleetMember, FleetShown } from '../../../src/http/admin/contract/fleet.ts';
import { api } from './client.ts';

export type { FleetMember, FleetShown };

export const useFleet = () =>
  useQuery({
    queryKey: ['fleet'],
    queryFn: ({ signal }) => api.get<FleetShown>('/fleet', { signal }),
    refetchInterval: 2_000,
  });
