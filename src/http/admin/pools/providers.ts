import { type AdminApp, admins } from '../access.ts';
import { providerList, type ShownProvider } from '../contract/live.ts';

export function providerRoutes(app: AdminApp, providers: () => readonly ShownProvider[]): void {
  app.get(
    '/providers',
    {
      config: { roles: admins },
      schema: { summary: 'List the providers, and how they do', response: { 200: providerList } },
    },
    async () => ({ providers: providers() }),
  );
}
