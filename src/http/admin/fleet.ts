import { type AdminApp, admins } from './access.ts';
import { type FleetShown, fleetShown } from './contract/fleet.ts';

export function fleetRoutes(app: AdminApp, fleet: () => FleetShown): void {
  app.get(
    '/fleet',
    {
      config: { roles: admins },
      schema: { summary: 'The gateways of the fleet, and which of them conducts', response: { 200: fleetShown } },
    },
    async () => fleet(),
  );
}
