/** The fleet of a Team gateway: joined once the database is usable, left last of all but it. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { isWildcard } from '../config/cluster.ts';
import type { Config } from '../config/config.ts';
import type { Postgres } from '../db/postgres/postgres.ts';
import type { Database } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import type { FleetMember, FleetShown } from '../domain/shown/fleet.ts';
import { Fleet, type FleetDuties } from '../fleet/fleet.ts';
import { lackOfRights, takesNoChanges } from '../fleet/fleet-rights-store.ts';
import { FleetStore } from '../fleet/fleet-store.ts';
import { ownPlace } from '../fleet/link/address.ts';
import type { Certificate } from '../fleet/link/own.ts';
import { reachedAt } from '../fleet/link/reached-at.ts';
import { livingFleets } from '../fleet/living-fleets-store.ts';
import { joined, type Listed } from '../fleet/reign/list.ts';
import type { Events } from '../telemetry/events.ts';
import { toldWait } from '../telemetry/told-wait.ts';

/** The effects of a fleet on the pools of this process. */
export interface SeatsOfFleet extends FleetDuties {
  joined(fleet: Fleet, id: string): void;
  /** The seats are this process's own until it has joined. */
  alone(): void;
  /** Seats that requests of a member hold, as far as they are known here. */
  seatsOf(member: string): number | null;
}

export interface TeamFleetParts {
  readonly config: Config;
  readonly self: Omit<Listed, 'url'>;
  readonly seats: SeatsOfFleet;
  readonly clock: Clock;
  readonly events: Events;
  readonly db: Kysely<Database>;
  /** Where the database is; null: on this machine. */
  readonly databaseAt: { readonly host: string; readonly port: number } | null;
  /** Connections of its own: a renewal of the row must not wait for others' statements. */
  readonly openPostgres: (maxConnections: number) => Postgres;
  /** See `FleetStoreParts`. */
  readonly startedRun: string | null;
}

const mostConnections = 2;
/** A gateway without rights on the row looks so often whether it has got them. */
const lookAgainMs = 2_000;
/** Without the database nobody can be told that this process leaves. */
const leaveWithinMs = 2_000;

export class TeamFleet {
  readonly #parts: TeamFleetParts;
  #joined: { readonly fleet: Fleet; readonly url: string } | null = null;
  #postgres: Postgres | null = null;
  #rights: Promise<string | null> | null = null;
  /** What keeps this gateway from joining. */
  #lack: string | null = null;
  #isAlone = false;
  #isWaiting = false;
  #cancelLook = () => {};
  #isClosed = false;

  constructor(parts: TeamFleetParts) {
    this.#parts = parts;
  }

  /** Begins what `join` needs of the database, while other things are read. */
  prepare(): void {
    const { db, openPostgres } = this.#parts;
    this.#rights = lackOfRights(db).catch(() => null);
    this.#postgres = openPostgres(mostConnections);
    // A connection takes longer to be made than a statement; its fault is met again by the first that needs it.
    this.#postgres.pool.query('SELECT').catch(() => {});
  }

  /**
   * `draining`: from then on others are to conduct. A gateway that may not use the row serves by itself, as one of a version
   * without fleets, and joins once it may.
   */
  async join(draining: AbortSignal): Promise<void> {
    const { db, config, clock, events, seats } = this.#parts;
    if (this.#isClosed || draining.aborted) return;
    const lack = await (this.#rights ?? lackOfRights(db).catch(() => null));
    this.#rights = null;
    if (this.#isClosed) return;
    this.#lack = lack;
    if (lack === null) return this.#find(await this.#enter(draining), draining);
    const { fleet } = config.cluster;
    this.#cancelLook = clock.after(lookAgainMs, () => {
      this.join(draining).catch(error => events.error(`Fleet ${fleet}: cannot join it`, error));
    });
    if (config.gateway.workers > 1) {
      this.#tellWaiting(lack);
      return;
    }
    if (this.#isAlone || (await isConducted(db, fleet))) return;
    this.#isAlone = true;
    events.warn(
      `Fleet ${fleet}: this gateway shares no seats with others, as ${lack}. It joins the fleet once that is done; ` +
        '[cluster] enabled = false has it stay alone',
    );
    seats.alone();
  }

  /** Before that it could start nothing. */
  async #find(fleet: Fleet | null, draining: AbortSignal): Promise<void> {
    const { config, clock, events } = this.#parts;
    if (fleet === null) return;
    const drained = Promise.withResolvers<void>();
    draining.addEventListener('abort', () => drained.resolve(), { once: true });
    if (draining.aborted) return;
    const found = Promise.race([fleet.entered, drained.promise]);
    await toldWait(`the conductor of the fleet ${config.cluster.fleet}`, found, { clock, log: events });
  }

  /** Each of several processes would have all seats if it served by itself. */
  #tellWaiting(lack: string): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const { cluster, gateway } = this.#parts.config;
    this.#parts.events.warn(
      `Fleet ${cluster.fleet}: nothing is started, as ${lack}. The processes of [gateway] workers = ${gateway.workers} have ` +
        'their seats together, and begin once that is done',
    );
  }

  /** Null: it is to end already. */
  async #enter(draining: AbortSignal): Promise<Fleet | null> {
    const { config, self, seats, clock, events, openPostgres, startedRun, databaseAt } = this.#parts;
    const { cluster, gateway } = config;
    const { host, port } = cluster.listen ?? { host: gateway.host, port: 0 };
    const found = cluster.advertise === null && isWildcard(host) ? await reachedAt(databaseAt) : null;
    this.#postgres ??= openPostgres(mostConnections);
    const random = (bytes: number) => randomBytes(bytes);
    const { db } = this.#postgres;
    try {
      const fleet = await Fleet.join({
        fleet: cluster.fleet,
        member: self,
        times: cluster,
        host,
        port,
        advertise: cluster.advertise ?? (found === null ? null : { host: found, port: null }),
        certificate: await certificateOf(cluster),
        place: await ownPlace(),
        store: new FleetStore({ db, fleet: cluster.fleet, ttlMs: cluster.ttlMs, clock, random, startedRun }),
        clock,
        random,
        duties: seats,
        log: events,
      });
      if (this.#isClosed) {
        await fleet.stop();
        return null;
      }
      this.#joined = { fleet, url: fleet.url };
      this.#isAlone = false;
      seats.joined(fleet, self.id);
      events.info(`Fleet ${cluster.fleet}: other gateways reach this one at ${fleet.url}`);
      draining.addEventListener('abort', () => void fleet.leave(false), { once: true });
      return fleet;
    } catch (error) {
      const files = cluster.certificate === null ? '' : ', cert_file, key_file, ca_file';
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot listen on ${host}:${port} for other gateways ([cluster] listen${files}): ${why}`);
    }
  }

  rowChanged(): void {
    this.#joined?.fleet.rowChanged();
  }

  /** Why this gateway starts nothing, if it cannot find the others; null: it can. */
  fault(): string | null {
    const joined = this.#joined;
    const { fleet: name } = this.#parts.config.cluster;
    if (this.#isAlone) return null;
    if (joined === null)
      return `This gateway has not joined the fleet ${name} yet${this.#lack === null ? '' : `: ${this.#lack}`}`;
    const { fleet } = joined;
    if (fleet.role() !== 'isolated') return null;
    const { to } = fleet.reign.state.contact;
    if (to === null) return `No gateway conducts the fleet ${name} yet`;
    return (
      `The gateway ${to.name}, which conducts the fleet ${name}, does not answer at ${to.url}: its [cluster] listen and ` +
      'advertise must name an address that this gateway reaches'
    );
  }

  /** Why this gateway shares its seats with nobody; null: it does, or will, or other reasons tell. */
  lack(): string | null {
    const isNews = this.#isAlone && this.#lack !== takesNoChanges;
    return isNews ? `This gateway shares no seats with others, as ${this.#lack}` : null;
  }

  /** Null: not joined yet. */
  shown(): FleetShown | null {
    if (this.#joined === null) return null;
    const { fleet, url } = this.#joined;
    const { conducted, contact, told, epoch } = fleet.reign.state;
    const { self, config } = this.#parts;
    const followed = contact.link === 'open' ? (contact.to?.id ?? null) : null;
    const conductor = conducted === null ? followed : self.id;
    const others = conducted === null ? told.members : conducted.attendees.filter(a => a.isListed).map(a => a.listed);
    const members = joined([{ ...self, url }], others).map(listed => this.#member(fleet, listed, conductor));
    return { fleet: config.cluster.fleet, epoch, conductor, members };
  }

  /** Nobody counts on this process any more, as far as the others can be told. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook();
    if (this.#joined !== null) await this.#leave(this.#joined.fleet);
    await this.#postgres?.close();
  }

  async #leave(fleet: Fleet): Promise<void> {
    // Whatever clock this process goes by, its end is not to wait for it.
    const isLeft = new AbortController();
    const tooLong = setTimeout(leaveWithinMs, undefined, { signal: isLeft.signal }).catch(() => {});
    await Promise.race([fleet.leave(true), tooLong]);
    isLeft.abort();
    await fleet.stop();
  }

  #member(fleet: Fleet, { id, name, url, version }: Listed, conductor: string | null): FleetMember {
    const { self, seats, clock } = this.#parts;
    const heardAt = fleet.reign.state.conducted?.attendees.find(a => a.listed.id === id)?.heardAt ?? null;
    const ofOther = id === conductor ? 'conductor' : 'member';
    return {
      member_id: id,
      name,
      url,
      version,
      role: id === self.id ? fleet.role() : ofOther,
      seats: seats.seatsOf(id),
      last_beat_ms: heardAt === null ? null : clock.now() - heardAt,
    };
  }
}

/** Who may not look is told that nobody conducts. */
const isConducted = (db: Kysely<Database>, fleet: string): Promise<boolean> =>
  livingFleets(db).then(
    names => names.includes(fleet),
    () => false,
  );

async function certificateOf({ certificate }: Config['cluster']): Promise<Certificate | null> {
  if (certificate === null) return null;
  const { certFile, keyFile, caFile } = certificate;
  const [cert, key, ca] = await Promise.all([certFile, keyFile, caFile].map(file => readFile(file)));
  return cert && key && ca ? { cert, key, ca } : null;
}

/** Seats of a fleet and those of a gateway beside it add up. Who may not read the fleets is not told. */
export async function tellFleetsBeside(db: Kysely<Database>, events: Events): Promise<void> {
  const names = await livingFleets(db).catch(() => []);
  if (names.length === 0) return;
  events.warn(
    `Gateways of this database share their seats (fleet ${names.join(', ')}), and this one does not: ` +
      'more requests go upstream than there are seats. [cluster] enabled = true has it join them',
  );
}
