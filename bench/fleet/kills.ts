/** From the SIGKILL of the conductor until the next one grants a seat to the other member. */
import { startBenchDatabase } from '../support/gateway-process.ts';
import type { Row } from '../support/report.ts';
import { percentile, spread } from '../support/rounds.ts';
import { startTicketProcess, type TicketProcess } from '../support/ticket-process.ts';

const members = 3;
const seats = 4;
/** At three times what there are seats for. */
const load = { clients: 4, holdMs: 5 };
const boundMs = 1_000;

export async function runKills(kills: number): Promise<Row[]> {
  const database = await startBenchDatabase();
  const start = async () => {
    const started = await startTicketProcess(database.url, 'kills', seats);
    const granted = started.granted();
    await started.saturate(load);
    return { started, granted };
  };
  const first = await start();
  const living: TicketProcess[] = [first.started];
  first.granted.catch(() => {}); // It conducts, until it is killed.
  try {
    const tookMs: number[] = [];
    while (tookMs.length < kills) {
      while (living.length < members) {
        const { started, granted } = await start();
        living.push(started);
        await granted;
      }
      tookMs.push(await killed(living));
    }
    return [row(tookMs)];
  } finally {
    for (const one of living) await one.stop();
    await database.stop();
  }
}

/** Kills who conducts, and takes it out of `living`. */
async function killed(living: TicketProcess[]): Promise<number> {
  const roles = await Promise.all(living.map(one => one.role()));
  const [conductor] = living.splice(roles.indexOf('conductor'), 1);
  if (conductor === undefined) throw new Error(`nobody conducts: ${roles.join(', ')}`);
  // Only one of the two is granted a seat by another: the other one conducts.
  const granted = living.map(one => one.granted());
  for (const one of granted) one.catch(() => {});
  const at = performance.timeOrigin + performance.now();
  const gone = conductor.kill();
  const tookMs = (await Promise.race(granted)) - at;
  await gone;
  return tookMs;
}

const row = (tookMs: readonly number[]): Row => {
  const { max } = spread(tookMs);
  return {
    what: `SIGKILL of the conductor of ${members} until the next grants a seat to the other`,
    measured: `p50 ${percentile(tookMs, 0.5).toFixed(0)} ms, most ${max.toFixed(0)} ms of ${tookMs.length}`,
    target: 'at most 1 s; prototype 9–37 ms until two members were heard',
    isMet: max <= boundMs,
  };
};
