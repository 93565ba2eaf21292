/**
 * A process of a fleet, without seats: `node fleet-process.ts DATABASE_URL NAME`. Each change of its role is a line of JSON;
 * SIGTERM has it leave.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { FleetStore } from '../../src/fleet/fleet-store.ts';
import { ownPlace } from '../../src/fleet/link/address.ts';

const [, , url = '', name = ''] = process.argv;
const { db, close } = openPostgres(url, { maxConnections: 2 });
const clock = systemClock;
const times = { ttlMs: 5_000, deadAfterMs: 15_000, abandonedAfterMs: 60_000, outageMaxMs: null };
const id = randomUUID();
const tell = (line: object) => process.stdout.write(`${JSON.stringify({ id, name, at: Date.now(), ...line })}\n`);

const fleet = await Fleet.join({
  fleet: 'main',
  member: { id, name, version: '1.0.0', since: new Date().toISOString() },
  times,
  host: '127.0.0.1',
  port: 0,
  advertise: null,
  certificate: null,
  place: await ownPlace(),
  store: new FleetStore({ db, fleet: 'main', ttlMs: times.ttlMs, clock, random: randomBytes, startedRun: null }),
  clock,
  random: randomBytes,
  duties: {
    pools: () => ['gpu'],
    brings: () => [],
    tickets: () => [],
    endpoints: () => [],
    told: () => {},
    came: () => {},
    said: () => {},
    lost: () => {},
    changed: () => {},
    conduct: epoch => tell({ told: 'conduct', epoch }),
    abdicate: why => tell({ told: 'abdicate', why }),
    free: (member, why) => tell({ told: 'free', member, why }),
    isolate: () => tell({ told: 'isolate' }),
  },
  log: { warn: sentence => process.stderr.write(`${sentence}\n`) },
});

let last = '';
const watch = setInterval(() => {
  const now = clock.now();
  const { conducted, epoch, contact } = fleet.reign.state;
  const state = {
    role: fleet.role(),
    mayStart: fleet.reign.mayStart(now),
    mayGrantToItself: fleet.reign.mayGrant(id, now),
    epoch,
    conductor: contact.to?.id ?? null,
    mayGrant: (conducted?.attendees ?? []).filter(a => fleet.reign.mayGrant(a.listed.id, now)).map(a => a.listed.id),
  };
  if (JSON.stringify(state) !== last) tell(state);
  last = JSON.stringify(state);
}, 2);

process.once('SIGTERM', async () => {
  await fleet.leave(true);
  clearInterval(watch);
  await fleet.stop();
  await close();
  tell({ told: 'left' });
});
