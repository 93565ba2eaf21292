import { ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Events } from '../events.ts';
import { cut, printable, reasonOf } from '../text.ts';
import { FaultsTold } from './faults-told.ts';

interface OutletParts {
  readonly exporter: SpanExporter;
  readonly config: TracingConfig;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'warn'>;
}

/** Beyond its own time limit, a batch is given up: a collector may answer one byte at a time. */
const slackMs = 1_000;
/** Batches on their way; others wait for them, of which a stop may have many. */
const mostAtOnce = 4;
const longestReason = 200;

/**
 * Spans until a collector has them. Holds at most `maxSpans`, those on their way included, and drops what comes then: no
 * request waits for a collector. Of those that fail, the log tells once, and the counts all.
 */
export class SpanOutlet {
  readonly #parts: OutletParts;
  readonly #batches: BatchSpanProcessor;
  readonly #faults: FaultsTold<'collector' | 'room' | 'rejections'>;
  /** Batches that have to wait for others; together they are within `maxSpans`. */
  readonly #later: (() => void)[] = [];
  #underWay = 0;
  #emptied = () => {};
  #held = 0;
  #sent = 0;
  #dropped = 0;

  constructor(parts: OutletParts) {
    this.#parts = parts;
    this.#faults = new FaultsTold(parts.clock);
    const { maxSpans, maxBatch, delayMs } = parts.config.batch;
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => this.#export(spans, () => done({ code: ExportResultCode.SUCCESS })),
        shutdown: async () => {},
      },
      maxQueueSize: maxSpans,
      maxExportBatchSize: maxBatch,
      scheduledDelayMillis: delayMs,
      // Each batch has its time limit in #export.
      exportTimeoutMillis: 2 ** 31 - 1,
    });
  }

  /** Since the start, those that a collector has received. */
  get sent(): number {
    return this.#sent;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Takes all of them, or none. Those of strangers get half of the room, so that requests with wrong keys push out no
   * others.
   */
  offer(spans: readonly ReadableSpan[], isOfStranger: boolean): void {
    const { maxSpans } = this.#parts.config.batch;
    const room = isOfStranger ? maxSpans / 2 : maxSpans;
    if (this.#held + spans.length > room) {
      this.#drop('room', spans.length, `no more than ${maxSpans} are held`);
      return;
    }
    this.#held += spans.length;
    for (const span of spans) this.#batches.onEnd(span);
  }

  /** Some spans of a batch that the collector has received. */
  rejected(spans: number, reason: string): void {
    const most = this.#parts.config.batch.maxBatch;
    this.#drop('rejections', Math.min(spans, most), `the collector rejects some: ${shown(reason)}`);
  }

  /** Sends what is held; gives up after this time. */
  async close(withinMs: number): Promise<void> {
    const { clock, events } = this.#parts;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(withinMs, resolve);
    this.#emptied = resolve;
    // It waits for what it sends now, but not for the batches that are on their way.
    void this.#batches.shutdown();
    if (this.#held > 0) await over;
    cancel();
    if (this.#held === 0) return;
    this.#dropped += this.#held;
    events.warn(`Traces: ${this.#held} spans were not sent before the stop`);
  }

  #export(spans: ReadableSpan[], done: () => void): void {
    if (this.#underWay >= mostAtOnce) {
      this.#later.push(() => this.#export(spans, done));
      return;
    }
    this.#underWay++;
    const { exporter, clock, config } = this.#parts;
    let isOver = false;
    const end = (error: Error | null) => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#held -= spans.length;
      if (error === null) this.#arrived(spans.length);
      else this.#drop('collector', spans.length, shown(reasonOf(error)));
      if (this.#held === 0) {
        this.#faults.isOver('room');
        this.#emptied();
      }
      done();
      this.#underWay--;
      this.#later.shift()?.();
    };
    const cancel = clock.after(config.exporter.timeoutMs + slackMs, () => end(new Error('the collector was too slow')));
    exporter.export(spans, ({ code, error }) =>
      end(code === ExportResultCode.SUCCESS ? null : (error ?? new Error('the collector did not take them'))),
    );
  }

  #arrived(spans: number): void {
    this.#sent += spans;
    if (this.#faults.isOver('collector')) this.#parts.events.info('Traces: the collector takes spans again');
  }

  #drop(subject: 'collector' | 'room' | 'rejections', spans: number, reason: string): void {
    this.#dropped += spans;
    if (!this.#faults.isNews(subject)) return;
    this.#parts.events.warn(
      `Traces: spans are dropped (${reason}); tokligence_spans_dropped_total counts them, and requests go on as ever`,
    );
  }
}

/** The reason of a collector, or of the way to it. */
const shown = (reason: string): string => printable(cut(reason, longestReason));
