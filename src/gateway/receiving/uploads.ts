/**
 * The bodies that are incomplete, or complete before their turn on their connection. Their memory has a bound, in total,
 * for each tenant and for each level. Beyond a bound one of the uploads that exceed it is dropped:
 *
 *   a tenant        at most half of all; dropped is, of the tenant's key with the most bytes, the slowest upload, or the
 *                   newest if that key itself asks for more: so one key neither excludes others of its tenant nor
 *                   loses a nearly complete upload to one that has just begun
 *   levels p … P9   together at most all less a twentieth for each better level: the slowest of the worst level
 *   all             likewise; so a worse level never keeps a better one out
 *
 * Each must also keep a minimum rate: it has some seconds of patience, which its bytes renew, and is dropped when they
 * have run out.
 */
import type { Clock } from '../../domain/clock.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { Tally } from '../../domain/structures/tally.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';

export interface UploadLimits {
  /** The limit of all uploads together. */
  readonly maxReceivingBytes: number;
  /** The limit of one body, which a sender without other uploads may always use. */
  readonly maxBytes: number;
  /** 0: no limit. */
  readonly minBytesPerSec: number;
}

export interface Sender {
  readonly level: Level;
  readonly flowId: string;
  /** Null: requests need no key. */
  readonly keyId: number | null;
}

const tenantShare = 1 / 2;
const shareKeptPerLevel = 1 / 20;
/** Pieces are stored in blocks, so a body may take slightly more memory than its size. */
const blockSlackBytes = 128 * 1024;
const patienceMs = 20_000;
const lookEveryMs = 1_000;

export class Uploads {
  /** Read at each use, because settings of pools change it. */
  readonly #limits: UploadLimits;
  readonly #clock: Clock;
  readonly #byLevel: readonly Upload[][] = allLevels.map(() => []);
  readonly #levelBytes: number[] = allLevels.map(() => 0);
  readonly #tenantBytes = new Tally<string>();
  #count = 0;

  constructor(limits: UploadLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** `drop` is called at most once, with the error for its client; the upload has ended then. */
  begin(sender: Sender, drop: (error: GatewayError) => void): Upload {
    const upload = new Upload(sender, drop, this.#clock.now());
    const level = this.#of(sender.level);
    upload.slot = level.push(upload) - 1;
    if (this.#count++ === 0 && this.#limits.minBytesPerSec > 0) this.#lookLater();
    return upload;
  }

  /** Records its memory after `cameBytes` more have arrived; may drop it or others. */
  grown(upload: Upload, heldBytes: number, cameBytes: number): void {
    upload.bytes += cameBytes;
    upload.cameBytes += cameBytes;
    this.#hold(upload, heldBytes - upload.heldBytes);
    const { level, flowId } = upload.sender;
    while (this.#tenantBytes.of(flowId) > this.#most(tenantShare)) this.#dropOfTenant(upload.sender);
    for (let from: number = level; from >= 0; from--) {
      while (this.#bytesFrom(from) > this.#most(1 - from * shareKeptPerLevel)) this.#dropWorst();
    }
  }

  /** May be called more than once. */
  end(upload: Upload): void {
    const uploads = this.#of(upload.sender.level);
    if (uploads[upload.slot] !== upload) return;
    this.#hold(upload, -upload.heldBytes);
    const last = uploads.pop();
    if (last !== undefined && last !== upload) {
      uploads[upload.slot] = last;
      last.slot = upload.slot;
    }
    upload.slot = -1;
    this.#count--;
  }

  #of(level: Level): Upload[] {
    return this.#byLevel[level] ?? [];
  }

  #hold(upload: Upload, bytes: number): void {
    const { level, flowId } = upload.sender;
    upload.heldBytes += bytes;
    this.#levelBytes[level] = (this.#levelBytes[level] ?? 0) + bytes;
    this.#tenantBytes.add(flowId, bytes);
  }

  /** The bytes of this level and the worse ones. */
  #bytesFrom(level: number): number {
    let bytes = 0;
    for (let worse = level; worse < this.#levelBytes.length; worse++) bytes += this.#levelBytes[worse] ?? 0;
    return bytes;
  }

  #most(share: number): number {
    const { maxReceivingBytes, maxBytes } = this.#limits;
    return Math.max(maxReceivingBytes * share, maxBytes + blockSlackBytes);
  }

  #dropOfTenant({ flowId, keyId }: Sender): void {
    const own = this.#byLevel.flat().filter(({ sender }) => sender.flowId === flowId);
    const greediest = greediestKey(own);
    const theirs = own.filter(({ sender }) => sender.keyId === greediest);
    const most = mebibytes(this.#most(tenantShare));
    this.#drop(
      greediest === keyId ? newest(theirs) : this.#slowest(theirs),
      errors.tenantLimit(`Request bodies of ${most} of this tenant are on their way; no more may be.`, 1),
    );
  }

  #dropWorst(): void {
    const worst = this.#byLevel.findLast(uploads => uploads.length > 0) ?? [];
    const most = mebibytes(this.#limits.maxReceivingBytes);
    const error = errors.queueFull(
      `Request bodies of ${most} may be on their way at once; this one had to make room for others.`,
      1,
    );
    this.#drop(this.#slowest(worst), error);
  }

  #slowest(uploads: readonly Upload[]): Upload {
    const now = this.#clock.now();
    return uploads.reduce((slowest, one) => (one.rate(now) < slowest.rate(now) ? one : slowest));
  }

  #drop(upload: Upload, error: GatewayError): void {
    this.end(upload);
    upload.drop(error);
  }

  #lookLater(): void {
    this.#clock.after(lookEveryMs, () => {
      for (const upload of this.#byLevel.flat()) {
        if (upload.isWhole || upload.isPatient(this.#limits.minBytesPerSec)) continue;
        const least = `The request body came in at less than ${this.#limits.minBytesPerSec} bytes a second.`;
        this.#drop(upload, errors.requestTimeout(least));
      }
      if (this.#count > 0) this.#lookLater();
    });
  }
}

/** One incoming body; its `Uploads` writes its fields. */
export class Upload {
  readonly sender: Sender;
  readonly drop: (error: GatewayError) => void;
  heldBytes = 0;
  bytes = 0;
  /** Since the last check. */
  cameBytes = 0;
  /** It waits for its turn. */
  isWhole = false;
  /** Its place among the uploads of its level; -1 after its end. */
  slot = -1;
  readonly startedAt: number;
  #patienceMs = patienceMs;

  constructor(sender: Sender, drop: (error: GatewayError) => void, startedAt: number) {
    this.sender = sender;
    this.drop = drop;
    this.startedAt = startedAt;
  }

  /** Bytes per millisecond; an upload that has just begun is not slow. */
  rate(now: number): number {
    return this.bytes / Math.max(now - this.startedAt, 1);
  }

  /**
   * Called once per check. Checks are counted, not the time between them: while the process stood still nothing could
   * arrive.
   */
  isPatient(minBytesPerSec: number): boolean {
    const renewedMs = (this.cameBytes / minBytesPerSec) * 1000;
    this.cameBytes = 0;
    this.#patienceMs = Math.min(this.#patienceMs + renewedMs, patienceMs) - lookEveryMs;
    return this.#patienceMs > 0;
  }
}

const newest = (uploads: readonly Upload[]): Upload =>
  uploads.reduce((latest, one) => (one.startedAt > latest.startedAt ? one : latest));

function greediestKey(uploads: readonly Upload[]): number | null {
  const bytes = new Map<number | null, number>();
  for (const { sender, heldBytes } of uploads) bytes.set(sender.keyId, (bytes.get(sender.keyId) ?? 0) + heldBytes);
  return [...bytes].reduce((most, one) => (one[1] > most[1] ? one : most), [null, -1])[0];
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
