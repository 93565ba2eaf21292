import { Type } from 'typebox';
import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { type Mapping, mapping, success } from '../contract/contract.ts';
import { type NewBoost, newBoost } from '../contract/timing.ts';
import { dryRunQuery, type Tried, tried } from '../contract/transfer.ts';
import { rowIdOf } from '../validation.ts';

/** The parts of the boosts that these routes use. They throw `notFound` and `invalidRequest` themselves. */
export interface BoostService {
  boost(mappingId: number, boost: NewBoost, actor: string): Promise<Mapping>;
  endBoost(mappingId: number, actor: string): Promise<void>;
}

/** The same, only tried. */
export interface BoostDryRunService {
  boost(mappingId: number, boost: NewBoost, actor: string): Promise<Tried>;
}

interface Services {
  readonly timings: BoostService;
  readonly dryRun: BoostDryRunService;
}

const config = { roles: admins };
const url = '/api-key-priority/mappings/:id/boost';

export function boostRoutes(app: AdminApp, { timings, dryRun }: Services, identities: Identities): void {
  app.post(
    url,
    {
      config,
      schema: {
        summary: 'Give a mapping another priority until a moment, or try what that would do',
        querystring: dryRunQuery,
        body: newBoost,
        response: { 200: Type.Union([mapping, tried]) },
      },
    },
    async request => {
      const id = rowIdOf(request.params, 'mapping');
      const actor = await identities.nameOf(callerOf(request));
      return (request.query.dry_run ? dryRun : timings).boost(id, request.body, actor);
    },
  );

  app.delete(
    url,
    { config, schema: { summary: 'End the boost of a mapping', response: { 200: success } } },
    async request => {
      const id = rowIdOf(request.params, 'mapping');
      await timings.endBoost(id, await identities.nameOf(callerOf(request)));
      return { success: true as const, message: `The boost of mapping ${id} is over.` };
    },
  );
}
