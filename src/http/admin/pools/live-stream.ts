/**
 * The lanes as server-sent events. All streams share one timer and one serialized frame; without a reader there
 * is neither.
 *
 *   a new reader       gets history, lanes
 *   every second       a point for each step that has ended, lanes
 *   a slow reader      skips events until it has read the earlier ones; if it has missed a point, it gets the
 *                      history again
 *   another conductor counts the steps from now on: all readers get the history again
 *   every five seconds each reader is authorised again: its key may be revoked, its session may have ended
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../domain/clock.ts';
import { errors } from '../../../domain/errors.ts';
import type { HistoryEvent, LanesEvent, PointEvent } from '../contract/live.ts';
import type { PoolSteps } from './watched-pools.ts';

/** The sources of the streams; read only while there is a reader. */
interface LaneSources {
  readonly clock: Clock;
  readonly stepMs: number;
  readonly lanes: () => Omit<LanesEvent, 'at'>;
  readonly histories: () => readonly PoolSteps[];
  /** Has both tell the present; null: they always do. */
  readonly refresh: () => Promise<void> | null;
  /** Where it changes, the steps have other numbers: the readers get the history again. */
  readonly era: () => string;
}

interface Reader {
  readonly res: ServerResponse;
  /** Whether the caller may go on looking. */
  readonly isWelcome: () => Promise<boolean>;
  isBehind: boolean;
  /** Seconds for which it has read nothing. */
  stalled: number;
}

/** The limit of all admins together. */
export const mostStreams = 64;
const tickMs = 1_000;
const ticksPerCheck = 5;
const ticksPerComment = 15;
/** A reader that takes nothing for so long is gone, whatever its connection says. */
const mostStalled = 60;
/** A browser that has lost its stream comes back after this. */
const retryMs = 2_000;

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  // Asks nginx not to hold the events back.
  'x-accel-buffering': 'no',
};

export class LiveStreams {
  readonly #sources: () => LaneSources;
  readonly #readers = new Set<Reader>();
  /** For each pool the last step that was sent to readers. */
  #told = new Map<string, number>();
  #era = '';
  #ticks = 0;
  #isRefreshing = false;
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(sources: () => LaneSources) {
    this.#sources = sources;
  }

  /** Throws `unavailable` where one more is too many. */
  checkRoom(): void {
    if (this.#isClosed) throw errors.unavailable('The gateway is shutting down.', 1);
    if (this.#readers.size >= mostStreams)
      throw errors.unavailable(`At most ${mostStreams} streams of the lanes are open at a time.`, 10);
  }

  join(res: ServerResponse, isWelcome: () => Promise<boolean>): void {
    // If the client left while it was being authorised, no later event would free its place.
    if (res.destroyed) return;
    // Present readers get the points with which the newcomer's history begins.
    if (this.#readers.size > 0) this.#tellPoints();
    const reader: Reader = { res, isWelcome, isBehind: false, stalled: 0 };
    res.on('close', () => this.#leave(reader));
    res.on('error', () => this.#leave(reader));
    res.writeHead(200, headers);
    res.write(`retry: ${retryMs}\n: the lanes of this gateway\n\n`);
    res.write(this.#history());
    res.write(this.#lanes());
    this.#readers.add(reader);
    if (this.#readers.size > 1) return;
    this.#beginEra();
    this.#wait();
  }

  /** Ends all streams, for good. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) this.#end(reader);
  }

  #wait(): void {
    this.#cancel = this.#sources().clock.after(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#ticks++;
    if (!this.#isRefreshing) this.#showPresent();
    if (this.#ticks % ticksPerComment === 0) this.#comment();
    if (this.#ticks % ticksPerCheck === 0) for (const reader of this.#readers) void this.#check(reader);
    if (this.#readers.size > 0) this.#wait();
  }

  #showPresent(): void {
    const refreshed = this.#sources().refresh();
    if (refreshed === null) this.#show();
    else void this.#showOnce(refreshed);
  }

  #show(): void {
    this.#tellPoints();
    const frame = this.#lanes();
    for (const reader of this.#readers) {
      if (this.#isReady(reader)) reader.res.write(frame);
    }
  }

  /** A tick meanwhile shows nothing. */
  async #showOnce(refreshed: Promise<void>): Promise<void> {
    this.#isRefreshing = true;
    await refreshed;
    this.#isRefreshing = false;
    if (this.#readers.size > 0) this.#show();
  }

  #beginEra(): void {
    const { era, histories } = this.#sources();
    this.#era = era();
    this.#told = new Map(histories().map(({ name, newestStep }) => [name, newestStep]));
  }

  /** Sends what a reader has missed, where it can take it. */
  #isReady(reader: Reader): boolean {
    if (reader.res.writableNeedDrain) {
      reader.stalled++;
      if (reader.stalled > mostStalled) reader.res.destroy();
      return false;
    }
    reader.stalled = 0;
    if (!reader.isBehind) return true;
    reader.isBehind = false;
    reader.res.write(this.#history());
    return !reader.res.writableNeedDrain;
  }

  #tellPoints(): void {
    if (this.#era !== this.#sources().era()) {
      this.#beginEra();
      for (const reader of this.#readers) reader.isBehind = true;
      return;
    }
    const frames: Buffer[] = [];
    for (const pool of this.#sources().histories()) {
      const points = pool.points(this.#told.get(pool.name));
      this.#told.set(pool.name, pool.newestStep);
      for (const point of points) frames.push(frame('point', { pool: pool.name, point } satisfies PointEvent));
    }
    if (frames.length === 0) return;
    const all = Buffer.concat(frames);
    for (const reader of this.#readers) {
      if (reader.res.writableNeedDrain) reader.isBehind = true;
      else if (!reader.isBehind) reader.res.write(all);
    }
  }

  #comment(): void {
    for (const { res } of this.#readers) if (!res.writableNeedDrain) res.write(': still here\n\n');
  }

  async #check(reader: Reader): Promise<void> {
    // It also ends if the check fails: a reader that reconnects learns the reason, or is admitted again.
    const isWelcome = await reader.isWelcome().catch(() => false);
    if (!isWelcome) this.#end(reader);
  }

  #end(reader: Reader): void {
    this.#leave(reader);
    reader.res.end();
    // A reader that does not read is not waited for.
    if (reader.res.writableNeedDrain) reader.res.destroy();
  }

  #leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#cancel();
  }

  #history(): Buffer {
    const { stepMs, histories } = this.#sources();
    const pools = histories().map(pool => ({ name: pool.name, points: pool.points() }));
    return frame('history', { step_ms: stepMs, pools } satisfies HistoryEvent);
  }

  #lanes(): Buffer {
    const { clock, lanes } = this.#sources();
    return frame('lanes', { at: clock.date().toISOString(), ...lanes() } satisfies LanesEvent);
  }
}

const frame = (event: string, data: object): Buffer =>
  Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
