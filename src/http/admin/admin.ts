import type { FastifyInstance, RouteOptions } from 'fastify';
import { errors } from '../../domain/errors.ts';
import type { Identities } from '../../identity/identity.ts';
import { type AdminApp, admins, authorize, isStillWelcome, withContract } from './access.ts';
import { apiKeyRoutes, type KeyUseService } from './api-keys.ts';
import { type BoostService, boostRoutes } from './boosts.ts';
import { configRoutes, type SettingsService } from './config.ts';
import { noQuery } from './contract.ts';
import { type ExplainService, explainRoutes } from './explain.ts';
import { type HistoryService, historyRoutes } from './history.ts';
import { takeJsonBodies } from './json-body.ts';
import { type LintService, lintRoutes } from './lint.ts';
import type { ShownProvider } from './live-contract.ts';
import { type MappingListService, mappingListRoutes } from './mapping-list.ts';
import { mappingStatusRoutes, type StatusService } from './mapping-status.ts';
import { type DryRunService, type MappingService, mappingRoutes, type WarningService } from './mappings.ts';
import { type PoolScheduleService, poolScheduleRoutes } from './pool-schedules.ts';
import { type PoolService, poolRoutes } from './pools.ts';
import { providerRoutes } from './providers.ts';
import { type LanesService, schedulerRoutes } from './scheduler.ts';
import { type ScheduleService, scheduleRoutes } from './schedules.ts';
import { type ConsoleService, refuseSessions, sessionRoutes } from './session.ts';
import { type TransferService, transferRoutes } from './transfer.ts';
import { userRoutes } from './users.ts';
import { checkAgainstContract } from './validation.ts';

export interface AdminServices {
  readonly identities: Identities;
  /** Null where the console is switched off. */
  readonly console: ConsoleService | null;
  readonly keyUses: KeyUseService;
  /** Null in Personal, which has no mappings. */
  readonly mapper: (MappingService & SettingsService & StatusService) | null;
  /** Null where mapper is. */
  readonly mappingList: MappingListService | null;
  /** Null where mapper is. */
  readonly inspector: (ExplainService & LintService & WarningService) | null;
  /** Null where `mapper` is. */
  readonly history: HistoryService | null;
  /** Null where mapper is. */
  readonly timings: (BoostService & ScheduleService) | null;
  /** Null where mapper is. */
  readonly trial: { readonly dryRun: DryRunService; readonly transfer: TransferService } | null;
  readonly pools: PoolService;
  readonly scheduledPools: PoolScheduleService;
  readonly lanes: LanesService;
  readonly providers: () => readonly ShownProvider[];
}

const bodyLimit = 2 ** 20;

/** Everything under /admin: who may call, what may come in, and the routes. */
export function registerAdmin(app: FastifyInstance, services: AdminServices): void {
  app.decorateRequest('caller', null);
  app.decorateRequest('session', null);
  const door = { identities: services.identities, takesSessions: services.console !== null };
  void app.register(
    async scope => {
      takeJsonBodies(scope);
      scope.setValidatorCompiler(checkAgainstContract);
      // Answers go out as they are: rows written by hand may hold what no schema foresees.
      scope.setSerializerCompiler(() => JSON.stringify);
      scope.addHook('onRoute', completeRoute);
      scope.addHook('onRequest', (request, reply) => authorize(door, request, reply));
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
      providerRoutes(admin, services.providers);
      poolRoutes(admin, services.pools, services.identities);
      poolScheduleRoutes(admin, services.scheduledPools, services.identities);
      if (services.mapper === null || services.mappingList === null || services.trial === null)
        return refuseMappings(admin);
      mappingListRoutes(admin, services.mappingList);
      mappingStatusRoutes(admin, services.mapper);
      mappingRoutes(
        admin,
        { mapper: services.mapper, inspector: services.inspector, ...services.trial },
        services.identities,
      );
      transferRoutes(admin, services.trial.transfer, services.identities);
      configRoutes(admin, services.mapper, services.identities);
      if (services.history !== null) historyRoutes(admin, services.history, services.identities);
      if (services.inspector !== null) {
        explainRoutes(admin, services.inspector);
        lintRoutes(admin, services.inspector);
      }
      if (services.timings !== null) {
        boostRoutes(admin, services.timings, services.identities);
        scheduleRoutes(admin, services.timings, services.identities);
      }
    },
    { prefix: '/admin' },
  );
}

/** A query parameter that a route does not know is a mistake, also where it knows none. */
function completeRoute(route: RouteOptions): void {
  if (route.config?.roles === undefined) throw new Error(`${route.url} does not say which roles may call it`);
  route.bodyLimit ??= bodyLimit;
  route.schema = { querystring: noQuery, ...route.schema };
}

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
