/** The live lanes: one stream for the whole page. */
import { replaceEqualDeep, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { HistoryEvent, LanesEvent, Point, PointEvent } from '../../../src/http/admin/contract/live.ts';
import { checkSession } from './query-client.ts';

export type { Point };

/** Frames come every second; after this long without one, the display is marked as stale. */
const silenceMs = 5_000;
/** If the page has been hidden for this long, the stream ends until it is visible again. */
const hiddenMs = 60_000;
const shortestPauseMs = 1_000;
const longestPauseMs = 15_000;
/** The span of the points. */
export const historyMs = 600_000;

export interface Live {
  /** `lost`: no news for a while, it tries again; `held`: the reader has paused it. */
  readonly state: 'connecting' | 'live' | 'lost' | 'held';
  /** By this browser's clock; null if nothing has come yet. */
  readonly lastNewsAt: number | null;
  /** How far the gateway's clock is ahead of this browser's. */
  readonly clockAheadMs: number;
  readonly lanes: LanesEvent | null;
  readonly stepMs: number;
  /** By pool, the last ten minutes, oldest first. */
  readonly history: ReadonlyMap<string, readonly Point[]>;
}

const nothingYet: Live = {
  state: 'connecting',
  lastNewsAt: null,
  clockAheadMs: 0,
  lanes: null,
  stepMs: 10_000,
  history: new Map(),
};

/**
 * The stream and its data so far. Only changed objects get a new identity, so that idle pools are not rendered again.
 */
class LiveStream {
  readonly #onRefused: () => void;
  readonly #listeners = new Set<() => void>();
  #live = nothingYet;
  #source: EventSource | null = null;
  #timers: { silence?: number; again?: number; hidden?: number } = {};
  #pauseMs = shortestPauseMs;

  /** `onRefused`: called if the gateway did not open the stream, perhaps because the session has ended. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  readonly live = (): Live => this.#live;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Returns a function that ends it. */
  readonly start = (): (() => void) => {
    document.addEventListener('visibilitychange', this.#looked);
    window.addEventListener('online', this.#connectIfWanted);
    this.#connect();
    return () => {
      document.removeEventListener('visibilitychange', this.#looked);
      window.removeEventListener('online', this.#connectIfWanted);
      this.#close();
      clearTimeout(this.#timers.hidden);
    };
  };

  /** Keeps the display as it is. */
  readonly hold = (): void => {
    this.#close();
    this.#tell({ state: 'held' });
  };

  readonly resume = (): void => {
    this.#pauseMs = shortestPauseMs;
    this.#tell({ state: 'connecting' });
    this.#connect();
  };

  #connect(): void {
    this.#close();
    const source = new EventSource('/admin/scheduler/stream');
    this.#source = source;
    this.#expectNews();
    source.addEventListener('lanes', event => this.#lanesCame(JSON.parse(event.data)));
    source.addEventListener('history', event => this.#historyCame(JSON.parse(event.data)));
    source.addEventListener('point', event => this.#pointCame(JSON.parse(event.data)));
    // The browser reopens a broken stream by itself, as long as the silence is acceptable; a refused one it does not.
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) this.#lost();
    });
  }

  #close(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timers.silence);
    clearTimeout(this.#timers.again);
  }

  #expectNews(): void {
    clearTimeout(this.#timers.silence);
    this.#timers.silence = window.setTimeout(() => this.#lost(), silenceMs);
  }

  #lost(): void {
    if (this.#source?.readyState === EventSource.CLOSED) this.#onRefused();
    this.#close();
    this.#tell({ state: 'lost' });
    this.#timers.again = window.setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  readonly #connectIfWanted = (): void => {
    if (this.#live.state !== 'held' && this.#live.state !== 'live') this.#connect();
  };

  readonly #looked = (): void => {
    clearTimeout(this.#timers.hidden);
    if (this.#live.state === 'held') return;
    if (document.visibilityState === 'hidden') {
      this.#timers.hidden = window.setTimeout(() => this.#close(), hiddenMs);
    } else if (this.#source === null) this.resume();
  };

  #lanesCame(came: LanesEvent): void {
    this.#expectNews();
    this.#pauseMs = shortestPauseMs;
    const lastNewsAt = Date.now();
    this.#tell({
      state: 'live',
      lastNewsAt,
      clockAheadMs: Date.parse(came.at) - lastNewsAt,
      lanes: replaceEqualDeep(this.#live.lanes, came),
    });
  }

  #historyCame({ step_ms, pools }: HistoryEvent): void {
    this.#tell({ stepMs: step_ms, history: new Map(pools.map(({ name, points }) => [name, points])) });
  }

  #pointCame({ pool, point }: PointEvent): void {
    const kept = Math.ceil(historyMs / this.#live.stepMs);
    const points = [...(this.#live.history.get(pool) ?? []), point].slice(-kept);
    this.#tell({ history: new Map([...this.#live.history, [pool, points]]) });
  }

  #tell(changes: Partial<Live>): void {
    this.#live = { ...this.#live, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

/** Open while the page is open. */
export function useLive(): readonly [Live, LiveStream] {
  const queries = useQueryClient();
  const [stream] = useState(() => new LiveStream(() => void checkSession(queries)));
  useEffect(() => stream.start(), [stream]);
  return [useSyncExternalStore(stream.subscribe, stream.live), stream];
}
