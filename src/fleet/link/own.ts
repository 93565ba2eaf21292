/** The identity that a process of the fleet tells and proves on every connection. */
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../../domain/clock.ts';
import type { Speaks } from './handshake.ts';

/** A certificate of one's own and the authority that all certificates of the fleet are of; PEM. */
export type Certificate = Required<Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>>;

export interface Own {
  readonly fleet: string;
  /** A UUID that is drawn at every start. */
  readonly id: string;
  readonly speaks: Speaks;
  /** See `ownPlace`. */
  readonly place: string | null;
  /** Null: connections are not encrypted. */
  readonly certificate: Certificate | null;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** As the row has it now. */
  readonly secret: () => Uint8Array;
  /** The highest epoch that is known here. */
  readonly epoch: () => number;
}

/** Certificates are those of the fleet's authority; which of them it is, the hand-shake proves (`Keys.channel`). */
export const tlsOptions = (certificate: Certificate) =>
  ({ ...certificate, rejectUnauthorized: true, minVersion: 'TLSv1.3' }) as const;

/** The other end has to prove itself within this time, whoever opened the connection. */
export const proveWithinMs = 2_000;

/** A value that both ends of this encrypted connection know, and nobody who stands between two of them. */
export const channelOf = (socket: TLSSocket): Uint8Array =>
  socket.exportKeyingMaterial(32, 'EXPORTER-tokligence-fleet', Buffer.alloc(0));
