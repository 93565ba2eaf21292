export {
  type FleetMember,
  type FleetShown,
  type FleetSight,
  fleetShown,
  fleetSight,
} from '../../../domain/shown/fleet.ts';
