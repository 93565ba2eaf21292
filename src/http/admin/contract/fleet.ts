export { type FleetMember, type FleetShown, fleetShown } from '../../../domain/fleet.ts';
