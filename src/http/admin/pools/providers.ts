import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { type ProviderList, providerList, type ShownEndpoint, shownEndpoint } from '../contract/live.ts';

/** Both writes throw `notFound`. */
export interface ProviderService {
  list(): Promise<ProviderList>;
  /** The endpoint gets no requests from this gateway until it is resumed, or the gateway starts anew. */
  drain(provider: string, endpoint: string, actor: string): Promise<ShownEndpoint>;
  resume(provider: string, endpoint: string, actor: string): Promise<ShownEndpoint>;
}

export function providerRoutes(app: AdminApp, providers: ProviderService, identities: Identities): void {
  app.get(
    '/providers',
    {
      config: { roles: admins },
      schema: { summary: 'List the providers, and how they do', response: { 200: providerList } },
    },
    () => providers.list(),
  );

  const config = { roles: ['root_admin'] as const };
  for (const [act, summary] of [
    ['drain', 'Give an endpoint no more requests'],
    ['resume', 'Give an endpoint requests again'],
  ] as const) {
    app.post(
      `/providers/:name/endpoints/:id/${act}`,
      { config, schema: { summary, response: { 200: shownEndpoint } } },
      async request => {
        // Parsed by the router, which decodes them.
        const { name, id } = request.params as { readonly name: string; readonly id: string };
        const caller = callerOf(request);
        // An endpoint can be drained while the database is away; the name is for the log.
        const actor = await identities.nameOf(caller).catch(() => `user ${caller.userId}`);
        return providers[act](name, id, actor);
      },
    );
  }
}
