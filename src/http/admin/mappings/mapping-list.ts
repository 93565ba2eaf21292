import { type AdminApp, admins } from '../access.ts';
import { type MappingFilter, type MappingList, mappingFilter, mappingList } from '../contract/contract.ts';

/** The parts of the list that this route uses. */
export interface MappingListService {
  list(filter: MappingFilter & { limit: number; offset: number }): Promise<MappingList>;
}

export function mappingListRoutes(app: AdminApp, mappings: MappingListService): void {
  app.get(
    '/api-key-priority/mappings',
    {
      config: { roles: admins },
      schema: { summary: 'List the mappings', querystring: mappingFilter, response: { 200: mappingList } },
    },
    ({ query }) => mappings.list({ limit: 100, offset: 0, ...query }),
  );
}
