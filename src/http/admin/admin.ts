import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { errors } from '../../domain/errors.ts';
import { pathOf } from '../../gateway/operations.ts';
import type { Identities } from '../../identity/identity.ts';
import type { KeyDoor } from '../door/key-door.ts';
import { type AdminApp, admins, authorize, isStillWelcome, safeMethods, withContract } from './access.ts';
import { apiKeyRoutes, type KeyUseService } from './api-keys.ts';
import { configRoutes, type SettingsService } from './config.ts';
import { noQuery } from './contract/contract.ts';
import type { FleetShown } from './contract/fleet.ts';
import { fleetRoutes } from './fleet.ts';
import { takeJsonBodies } from './json-body.ts';
import { type BoostDryRunService, type BoostService, boostRoutes } from './mappings/boosts.ts';
import { type ExplainService, explainRoutes } from './mappings/explain.ts';
import { type HistoryService, historyRoutes } from './mappings/history.ts';
import { type LintService, lintRoutes } from './mappings/lint.ts';
import { type MappingListService, mappingListRoutes } from './mappings/mapping-list.ts';
import { mappingStatusRoutes, type StatusService } from './mappings/mapping-status.ts';
import { type DryRunService, type MappingService, mappingRoutes, type WarningService } from './mappings/mappings.ts';
import { type ScheduleService, scheduleRoutes } from './mappings/schedules.ts';
import { type TransferService, transferRoutes } from './mappings/transfer.ts';
import { type PoolScheduleService, poolScheduleRoutes } from './pools/pool-schedules.ts';
import { type PoolService, poolRoutes } from './pools/pools.ts';
import { type ProviderService, providerRoutes } from './pools/providers.ts';
import { type LanesService, schedulerRoutes } from './pools/scheduler.ts';
import {
  refuseStoredProviders,
  type StoredProviderServices,
  storedProviderRoutes,
} from './providers/stored-providers.ts';
import { type RouteService, routeRoutes } from './routes/routes.ts';
import { type ConsoleService, refuseSessions, sessionRoutes } from './session.ts';
import { userRoutes } from './users.ts';
import { checkAgainstContract } from './validation.ts';

export interface AdminServices {
  readonly identities: Identities;
  readonly keys: KeyDoor;
  /** Null if the console is disabled. */
  readonly console: ConsoleService | null;
  readonly keyUses: KeyUseService;
  /** Null in Personal, which has no mappings. */
  readonly mappings: MappingServices | null;
  readonly pools: PoolService;
  readonly scheduledPools: PoolScheduleService;
  readonly lanes: LanesService;
  readonly providers: ProviderService;
  /** Null in Personal, whose providers are those of its file. */
  readonly storedProviders: StoredProviderServices | null;
  readonly routes: RouteService;
  readonly fleet: () => FleetShown;
  /**
   * Returns the answer to an error of the database, which names the faulty one of `fields`; any other error unchanged.
   */
  readonly answerOf: (error: unknown, fields: unknown) => unknown;
  /** Resolves when what was written is in effect in all processes of this gateway; null: it is the only one. */
  readonly heard: (() => Promise<void>) | null;
}

interface MappingServices {
  readonly mapper: MappingService & SettingsService & StatusService;
  readonly list: MappingListService;
  readonly inspector: ExplainService & LintService & WarningService;
  readonly history: HistoryService;
  readonly timings: BoostService & ScheduleService;
  readonly dryRun: DryRunService & BoostDryRunService;
  readonly transfer: TransferService;
}

const bodyLimit = 2 ** 20;
const prefix = '/admin';

/** Whether the URL needs authorisation. */
export const isAdminUrl = (url: string): boolean => pathOf(url) === prefix || url.startsWith(`${prefix}/`);

/** Everything under /admin: authorisation, validation, and the routes. */
export function registerAdmin(app: FastifyInstance, services: AdminServices): void {
  app.decorateRequest('caller', null);
  app.decorateRequest('session', null);
  const { identities, keys } = services;
  const door = { identities, keys, takesSessions: services.console !== null };
  void app.register(
    async scope => {
      takeJsonBodies(scope);
      scope.setValidatorCompiler(checkAgainstContract);
      // Answers are serialised without a schema: rows written by hand may hold what no schema foresees.
      scope.setSerializerCompiler(() => JSON.stringify);
      scope.addHook('onRoute', completeRoute);
      scope.addHook('onRequest', (request, reply) => authorize(door, request, reply));
      if (services.heard !== null) scope.addHook('onSend', onceHeard(services.heard));
      // Rethrown to the handler of all routes.
      scope.setErrorHandler((error, request) => {
        throw services.answerOf(error, request.body);
      });
      scope.setNotFoundHandler(request => {
        throw errors.notFound(`There is no admin route ${request.method} ${request.url.slice(0, 200)}.`);
      });
      const admin = withContract(scope);
      if (services.console === null) refuseSessions(admin);
      else sessionRoutes(admin, services.identities.sessions, services.console);
      userRoutes(admin, services.identities);
      apiKeyRoutes(admin, services.identities, services.keyUses);
      schedulerRoutes(
        admin,
        () => services.lanes,
        request => isStillWelcome(door, request),
      );
      providerRoutes(admin, services.providers, services.identities);
      if (services.storedProviders === null) refuseStoredProviders(admin);
      else storedProviderRoutes(admin, services.storedProviders, services.identities);
      routeRoutes(admin, services.routes);
      fleetRoutes(admin, services.fleet);
      poolRoutes(admin, services.pools, services.identities);
      poolScheduleRoutes(admin, services.scheduledPools, services.identities);
      if (services.mappings === null) refuseMappings(admin);
      else allMappingRoutes(admin, services.mappings, services);
    },
    { prefix },
  );
}

function allMappingRoutes(
  admin: AdminApp,
  services: MappingServices,
  { identities, routes }: Pick<AdminServices, 'identities' | 'routes'>,
): void {
  const { mapper, list, inspector, history, timings, transfer } = services;
  mappingListRoutes(admin, list);
  mappingStatusRoutes(admin, mapper);
  mappingRoutes(admin, services, identities);
  transferRoutes(admin, transfer, identities);
  configRoutes(admin, mapper, identities);
  historyRoutes(admin, history, identities);
  explainRoutes(admin, inspector, routes);
  lintRoutes(admin, inspector);
  boostRoutes(admin, services, identities);
  scheduleRoutes(admin, timings, identities);
}

/** An unknown query parameter is a fault, also on a route without any. */
function completeRoute(route: RouteOptions): void {
  if (route.config?.roles === undefined) throw new Error(`${route.url} does not say which roles may call it`);
  route.bodyLimit ??= bodyLimit;
  route.schema = { querystring: noQuery, ...route.schema };
}

/** What a request has changed is in effect wherever the next one arrives. */
const onceHeard =
  (heard: () => Promise<void>) =>
  async ({ method }: FastifyRequest): Promise<void> => {
    if (!safeMethods.has(method)) await heard();
  };

function refuseMappings(admin: AdminApp): void {
  for (const url of ['/api-key-priority', '/api-key-priority/*']) {
    admin.all(url, {
      config: { roles: admins, isRefusal: true },
      onRequest: async () => {
        throw errors.notImplemented(
          'API key priority mappings are part of the Team edition; this is Personal (gateway.edition = personal).',
        );
      },
      handler: () => {},
    });
  }
}
