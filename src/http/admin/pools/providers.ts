import { type AdminApp, admins } from '../access.ts';
import { type ProviderList, providerList } from '../contract/live.ts';

export function providerRoutes(app: AdminApp, providers: () => Promise<ProviderList>): void {
  app.get(
    '/providers',
    {
      config: { roles: admins },
      schema: { summary: 'List the providers, and how they do', response: { 200: providerList } },
    },
    async () => providers(),
  );
}
