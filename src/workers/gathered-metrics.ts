/** The metrics of all processes of a gateway as those of one. What workers have counted stays when they end. */
import { isCount, type Reading, together } from '../telemetry/registry.ts';
import type { WorkerProcess } from './worker-process.ts';

export class GatheredMetrics {
  /** What each worker said last, by name. */
  readonly #said = new Map<WorkerProcess, Map<string, Reading>>();
  /** Counted by workers that have ended. */
  #ended: Reading[] = [];

  /** All that a worker can tell, or a part of it. */
  said(worker: WorkerProcess, readings: readonly Reading[]): void {
    const said = this.#said.get(worker) ?? new Map<string, Reading>();
    this.#said.set(worker, said);
    for (const reading of readings) said.set(reading.name, reading);
  }

  async ended(worker: WorkerProcess): Promise<void> {
    const counts = [...(this.#said.get(worker)?.values() ?? [])].filter(isCount);
    this.#said.delete(worker);
    const before = this.#ended;
    // At once, so that no sum lacks them meanwhile; joined below, so that they do not become more with each end.
    this.#ended = [...before, ...counts];
    const joined = await together([before, counts]).getMetricsAsJSON();
    if (this.#ended.length === before.length + counts.length) this.#ended = joined;
  }

  /** The text of `GET /metrics`; `own`: of the parent. */
  render(own: readonly Reading[]): Promise<string> {
    const ofEach = [...this.#said.values()].map(said => [...said.values()]);
    return together([own, this.#ended, ...ofEach]).metrics();
  }
}
