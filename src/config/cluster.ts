/** The section `[cluster]`: several gateways on one database as one. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import type { Setting } from '../domain/vocabulary.ts';
import type { FaultList } from './file/faults.ts';
import { hostAndPort, hostPerhapsPort } from './hosts.ts';
import { choice, flag, optional, seconds, text, type Values, withDefault } from './values.ts';

export interface ClusterConfig {
  readonly enabled: boolean;
  /** Gateways of one database and one name belong together. */
  readonly fleet: string;
  /** Null: on the gateway's host, on a free port. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  /**
   * Where others reach it. Null: where it listens, and if that is every address, the one by which it reaches the database; a
   * port that is null is the one it listens on.
   */
  readonly advertise: { readonly host: string; readonly port: number | null } | null;
  /** Whether a gateway that has lost the others keeps or cuts its running requests. */
  readonly isolated: 'keep' | 'cut';
  readonly ttlMs: number;
  readonly deadAfterMs: number;
  readonly abandonedAfterMs: number;
  /** Null: no limit. */
  readonly outageMaxMs: number | null;
  /** PEM files; null: connections between gateways are not encrypted. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string; readonly caFile: string } | null;
}

const daySec = 86_400;
const file = text('a path', /^\P{Cc}+$/u);

export const clusterKeys = {
  /** Empty: in Team. */
  enabled: optional(flag),
  fleet: withDefault('default', text('a letter, then letters, digits, - or _', /^[A-Za-z][A-Za-z0-9_-]{0,63}$/)),
  listen: optional(hostAndPort),
  advertise: optional(hostPerhapsPort),
  isolated: withDefault('keep', choice(['keep', 'cut'])),
  // A conductor counts as silent after two seconds (fleet/reign/times.ts), and is elected anew after this time only.
  ttl_sec: withDefault('5', seconds(3, 300)),
  dead_after_sec: withDefault('15', seconds(4, 3600)),
  abandoned_after_sec: withDefault('60', seconds(5, daySec)),
  outage_max_sec: withDefault('0', seconds(0, daySec)),
  cert_file: optional(file),
  key_file: optional(file),
  ca_file: optional(file),
};

type Read = Values<typeof clusterKeys>;

/** The values of the section [gateway]; undefined: it is at fault. */
interface OfGateway {
  readonly edition: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly workers: number;
}

/** Adds the faults that appear only when several keys are read together. */
export const checkCluster = (read: Partial<Read>, gateway: OfGateway, faults: FaultList): void => {
  const fault = (key: keyof Read, message: string) => faults.add('cluster', key, message);
  checkTimes(read, fault);
  checkFiles(read, fault);
  if (read.enabled === undefined) return;
  if (!isEnabled(read.enabled.value, gateway.edition)) {
    checkWorkers(gateway, fault);
    return;
  }
  if (gateway.edition === 'personal') fault('enabled', 'needs [gateway] edition = team: Personal is one gateway');
  checkListen(read, gateway, fault);
  checkAdvertise(read, gateway, fault);
};

const isEnabled = (enabled: boolean | null, edition: string | undefined): boolean => enabled ?? edition === 'team';

type Fault = (key: keyof Read, message: string) => void;

const checkWorkers = ({ workers }: OfGateway, fault: Fault): void => {
  if (workers === 1) return;
  fault(
    'enabled',
    `cannot be false with [gateway] workers = ${workers}: the processes of a gateway share their seats as a fleet. ` +
      'Leave it out, or set workers = 1',
  );
};

const checkTimes = (read: Partial<Read>, fault: Fault): void => {
  const { ttl_sec: ttl, dead_after_sec: dead, abandoned_after_sec: abandoned, outage_max_sec: outage } = read;
  // Else a member would be given up while its conductor is still being replaced.
  if (isAtMost(dead, ttl)) fault('dead_after_sec', 'must be greater than ttl_sec');
  // Else strangers could take a row over while the members of the reign are still waited for.
  if (ttl !== undefined && dead !== undefined && abandoned !== undefined && abandoned.value < ttl.value + dead.value)
    fault('abandoned_after_sec', 'must be at least ttl_sec and dead_after_sec together');
  if (outage === undefined || outage.value === 0) return;
  if (ttl !== undefined && outage.value < ttl.value)
    fault('outage_max_sec', 'must be at least ttl_sec, or 0 for no limit');
  if (isAtMost(abandoned, outage)) fault('outage_max_sec', 'must be less than abandoned_after_sec, or 0 for no limit');
};

const isAtMost = (one: Setting<number> | undefined, other: Setting<number> | undefined): boolean =>
  one !== undefined && other !== undefined && one.value <= other.value;

const fileKeys = ['cert_file', 'key_file', 'ca_file'] as const;

const checkFiles = (read: Partial<Read>, fault: Fault): void => {
  const isGiven = fileKeys.some(key => typeof read[key]?.value === 'string');
  if (!isGiven) return;
  for (const key of fileKeys)
    if (read[key]?.value === null) fault(key, 'is missing: cert_file, key_file and ca_file are given together');
};

const wildcards = new BlockList();
wildcards.addAddress('0.0.0.0');
wildcards.addAddress('::', 'ipv6');
/** It means every address of the machine. */
export const isWildcard = (host: string): boolean =>
  isIP(host) !== 0 && wildcards.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');

/** Each worker has a port of its own, one above that of the worker before it. */
const checkListen = ({ listen }: Partial<Read>, { host, port, workers }: OfGateway, fault: Fault): void => {
  if (listen?.value == null || host === undefined || port === undefined || listen.value.port === 0) return;
  const first = listen.value.port;
  const last = first + workers - 1;
  const each = workers === 1 ? '' : `: ${workers} workers take the ports ${first} to ${last}`;
  if (last > 65_535) fault('listen', `must have a lower port${each}`);
  if (port < first || port > last) return;
  const hosts = [listen.value.host, host];
  if (hosts.some(isWildcard) || new Set(hosts).size === 1)
    fault('listen', `must have another port than [gateway] port, which is for clients${each}`);
};

const checkAdvertise = ({ advertise }: Partial<Read>, { workers }: OfGateway, fault: Fault): void => {
  if (advertise?.value == null) return;
  const { host, port } = advertise.value;
  if (isWildcard(host)) fault('advertise', 'must be an address that other gateways can call');
  if (port !== null && port + workers - 1 > 65_535) fault('advertise', `must have a lower port for ${workers} workers`);
};

export const toCluster = (read: Read, edition: string): ClusterConfig => ({
  enabled: isEnabled(read.enabled.value, edition),
  fleet: read.fleet.value,
  listen: read.listen.value,
  advertise: read.advertise.value,
  isolated: read.isolated.value,
  ttlMs: read.ttl_sec.value,
  deadAfterMs: read.dead_after_sec.value,
  abandonedAfterMs: read.abandoned_after_sec.value,
  outageMaxMs: read.outage_max_sec.value === 0 ? null : read.outage_max_sec.value,
  certificate: certificateOf(read),
});

const certificateOf = ({ cert_file, key_file, ca_file }: Read): ClusterConfig['certificate'] =>
  cert_file.value === null || key_file.value === null || ca_file.value === null
    ? null
    : { certFile: resolve(cert_file.value), keyFile: resolve(key_file.value), caFile: resolve(ca_file.value) };
