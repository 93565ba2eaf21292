/** The name of this process for other gateways and for operators. */
import { hostname } from 'node:os';
import type { Config } from './config/config.ts';
import { version } from './config/version.ts';
import type { FleetShown } from './domain/shown/fleet.ts';
import type { Watched } from './telemetry/watched.ts';

export interface Self {
  /** A UUID that is drawn at every start. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** When it started, ISO 8601. */
  readonly since: string;
}

export const selfOf = ({ name, port }: Config['gateway'], { id, since }: Pick<Self, 'id' | 'since'>): Self => ({
  id,
  name: name ?? placeOf(port, id),
  version,
  since,
});

/** A port that the system will choose is not known yet. */
const placeOf = (port: number, id: string): string => `${ownHost()}:${port === 0 ? id.slice(0, 8) : port}`;

/** As it may stand in a header, whatever the system calls itself. */
const ownHost = (): string =>
  hostname()
    .slice(0, 100)
    .replace(/[^\x21-\x7e]/g, '-') || 'gateway';

/** The name on answers and log lines; null: they do not tell. */
export const toldName = ({ gateway: { tellsName } }: Config, { name }: Self): string | null =>
  tellsName ? name : null;

/** A gateway that belongs to no fleet conducts itself. */
export const alone = ({ id, name, version }: Self, seats: number): FleetShown => ({
  fleet: null,
  epoch: null,
  conductor: id,
  members: [{ member_id: id, name, url: null, version, role: 'conductor', seats, last_beat_ms: null }],
});

export const watchedFleet = (
  { fleet, epoch, conductor, members }: FleetShown,
  { id }: Self,
  rttMs: number | null,
): ReturnType<Watched['fleet']> =>
  fleet === null || epoch === null ? null : { members: members.length, isConductor: conductor === id, epoch, rttMs };
