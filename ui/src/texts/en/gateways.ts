export const gateways = {
  title: 'Gateways',
  hint: 'The gateways that share the seats of the pools, as this one sees them.',
  fleet: 'Fleet {{fleet}}',
  fleetHint:
    'Epoch {{epoch}}. The conductor grants the seats; the others ask it for them. Its lanes show the requests of all.',
  alone: 'No fleet',
  aloneHint: 'The seats of this gateway are its own: [cluster] is not enabled.',
  name: 'Name',
  role: 'Role',
  role_conductor: 'Conductor',
  role_member: 'Member',
  role_candidate: 'Looks for a conductor',
  role_isolated: 'Isolated: starts nothing',
  seats: 'Seats in use',
  lastBeat: 'Last beat',
  version: 'Version',
  process: 'Process',
};
