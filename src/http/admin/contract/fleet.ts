export { type FleetMember, type FleetShown, type FleetSight, fleetShown, fleetSight } from '../../../domain/fleet.ts';
