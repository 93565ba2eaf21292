/** The routes of providers, their keys and routes that are stored. Root admins only: who changes them sees all prompts. */
import { errors } from '../../../domain/errors.ts';
import type { Identities } from '../../../identity/identity.ts';
import type {
  ProviderDesk,
  ProviderFields,
  ProviderFiles,
  ProviderInput,
  RouteDesk,
} from '../../../providers/providers.ts';
import type { TriedUpstream } from '../../../upstreams/upstreams.ts';
import { type AdminApp, callerOf } from '../access.ts';
import { success } from '../contract/contract.ts';
import {
  imported,
  key,
  keyPatch,
  newKey,
  newProvider,
  provider,
  providerFile,
  providerPatch,
  providerTrial,
  resealed,
  triedProvider,
} from '../contract/stored-providers.ts';
import { dryRunQuery } from '../contract/transfer.ts';
import { withEtag, writeBy } from '../mappings/write-by.ts';
import { modelRouteRoutes } from './model-routes.ts';

export interface StoredProviderServices {
  readonly providers: Omit<ProviderDesk, 'rehearse'>;
  readonly routes: RouteDesk;
  readonly files: ProviderFiles;
  /** Asks the provider as it would be; rejects where it could not be stored so. */
  readonly tryOut: (name: string, input: ProviderInput, model: string | null) => Promise<readonly TriedUpstream[]>;
}

const config = { roles: ['root_admin'] as const };
const url = '/providers/:name';
const doc = (summary: string, more: object) => ({ config, schema: { summary, ...more } });

export function storedProviderRoutes(app: AdminApp, services: StoredProviderServices, identities: Identities): void {
  const { providers, files, routes } = services;
  const actorOf = (request: Parameters<typeof callerOf>[0]) => identities.nameOf(callerOf(request));

  app.post(
    '/providers',
    { config, schema: { summary: 'Create a provider', body: newProvider, response: { 201: provider } } },
    async (request, reply) => {
      const { name, ...given } = request.body;
      return withEtag(reply.code(201), await providers.create(name, inputOf(given), await actorOf(request)));
    },
  );

  app.get(
    url,
    doc('Show a provider, its endpoints and its stored keys', { response: { 200: provider } }),
    async (request, reply) => withEtag(reply, await providers.find(nameOf(request.params))),
  );

  app.patch(
    url,
    {
      config,
      schema: { summary: 'Change a provider, also one of the file', body: providerPatch, response: { 200: provider } },
    },
    async (request, reply) => {
      const by = await writeBy(request, identities);
      return withEtag(reply, await providers.change(nameOf(request.params), inputOf(request.body), by));
    },
  );

  app.delete(url, doc('Delete what is stored of a provider', { response: { 200: success } }), async request => {
    const name = nameOf(request.params);
    await providers.remove(name, await writeBy(request, identities));
    return { success: true as const, message: `What was stored of the provider ${name} is deleted.` };
  });

  tryRoute(app, services);
  keyRoutes(app, providers, identities);
  modelRouteRoutes(app, routes, identities);
  fileRoutes(app, files, identities);
}

function tryRoute(app: AdminApp, services: Pick<StoredProviderServices, 'tryOut'>): void {
  app.post(
    '/providers/try',
    {
      config,
      schema: {
        summary: 'Ask a provider that is not stored yet for its models, and try one request',
        body: providerTrial,
        response: { 200: triedProvider },
      },
    },
    async ({ body: { name = 'trial', model = null, ...given } }) => ({
      endpoints: [...(await services.tryOut(name, inputOf(given), model))],
    }),
  );
}

function fileRoutes(app: AdminApp, files: ProviderFiles, identities: Identities): void {
  app.get(
    '/providers-file',
    doc('Providers and routes that are stored, as a file without keys', { response: { 200: providerFile } }),
    () => files.export(),
  );

  app.post(
    '/providers-file',
    {
      config,
      schema: {
        summary: 'Take in a file of providers and routes: all of it or nothing',
        querystring: dryRunQuery,
        body: providerFile,
        response: { 200: imported },
      },
    },
    async request =>
      files.import(request.body, {
        actor: await identities.nameOf(callerOf(request)),
        dryRun: request.query.dry_run ?? false,
      }),
  );
}

function keyRoutes(app: AdminApp, providers: StoredProviderServices['providers'], identities: Identities): void {
  const actorOf = (request: Parameters<typeof callerOf>[0]) => identities.nameOf(callerOf(request));
  for (const [method, replaces, summary] of [
    ['POST', false, 'Store a further key of a provider, used in turn with the others'],
    ['PUT', true, 'Store the key of a provider in the place of all others'],
  ] as const) {
    app.route({
      method,
      url: `${url}/keys`,
      config,
      schema: { summary, body: newKey, response: { 201: key } },
      handler: async (request, reply) => {
        const by = { actor: await actorOf(request), replaces };
        return reply.code(201).send(await providers.addKey(nameOf(request.params), request.body, by));
      },
    });
  }

  app.patch(
    `${url}/keys/:id`,
    {
      config,
      schema: { summary: 'Set a key aside, or bring it back', body: keyPatch, response: { 200: key } },
    },
    async request => {
      const { name, id } = request.params as { name: string; id: string };
      const { set_aside, why = 'set aside by an admin' } = request.body;
      return providers.setAsideKey(name, id, set_aside ? why : null, await actorOf(request));
    },
  );

  app.delete(`${url}/keys/:id`, doc('Delete a key of a provider', { response: { 200: success } }), async request => {
    const { name, id } = request.params as { name: string; id: string };
    await providers.removeKey(name, id, await actorOf(request));
    return { success: true as const, message: `The key ${id} is deleted.` };
  });

  app.post(
    '/providers/reseal',
    doc('Seal all keys with the present master key', { response: { 200: resealed } }),
    async request => providers.reseal(await actorOf(request)),
  );
}

function inputOf({ api_key: apiKey, ...given }: Readonly<Record<string, unknown>>): ProviderInput {
  return { fields: given as ProviderFields, apiKey: apiKey as string | undefined };
}

const nameOf = (params: unknown): string => (params as { name: string }).name;

export function refuseStoredProviders(app: AdminApp): void {
  const refused = [
    ['POST', '/providers'],
    ['GET', '/providers/:name'],
    ['PATCH', '/providers/:name'],
    ['DELETE', '/providers/:name'],
    ['POST', '/providers/try'],
    ['POST', '/providers/reseal'],
    ['POST', '/providers/:name/keys'],
    ['PUT', '/providers/:name/keys'],
    ['PATCH', '/providers/:name/keys/:id'],
    ['DELETE', '/providers/:name/keys/:id'],
    ['POST', '/routes'],
    ['GET', '/routes/:name'],
    ['PATCH', '/routes/:name'],
    ['DELETE', '/routes/:name'],
    ['GET', '/providers-file'],
    ['POST', '/providers-file'],
  ] as const;
  for (const [method, path] of refused) {
    app.route({
      method,
      url: path,
      config: { ...config, isRefusal: true },
      onRequest: async () => {
        throw errors.notImplemented(
          'Stored providers and routes are part of the Team edition; this is Personal (gateway.edition = personal), whose providers stand in its configuration.',
        );
      },
      handler: () => {},
    });
  }
}
