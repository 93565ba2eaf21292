/**
 * Tickets of a member at the pool of its conductor, over their connection: from asking to having a seat, which goes back
 * at once; and the CPU of both processes, less than what the same timer costs the member without tickets.
 */
import { startBenchDatabase } from '../support/gateway-process.ts';
import type { Row } from '../support/report.ts';
import { interleaved, shown, spread } from '../support/rounds.ts';
import { startTicketProcess, type TicketProcess } from '../support/ticket-process.ts';

const rounds = 5;
const seconds = 2;
/** Nothing waits for a seat. */
const seats = 10_000;
const prototype = {
  200: { conductor: 125, member: 89 },
  2000: { conductor: 42, member: 24 },
  8000: { conductor: 14, member: 9 },
};
type PerSecond = keyof typeof prototype;
const rates = [200, 2_000, 8_000] as const satisfies readonly PerSecond[];

interface Sample {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly conductorMicros: number;
  readonly memberMicros: number;
}

export async function runTickets(): Promise<Row[]> {
  const database = await startBenchDatabase();
  const conductor = await startTicketProcess(database.url, 'tickets', seats);
  const member = await startTicketProcess(database.url, 'tickets', seats);
  try {
    const round = (perSecond: number, isIdle: boolean) => () => sample(conductor, member, perSecond, isIdle);
    // Just-in-time compilation.
    await member.pace({ perSecond: 8_000, seconds: 4, isIdle: false });
    const rows: Row[] = [];
    for (const perSecond of rates) {
      const { busy, idle } = await interleaved(rounds, { busy: round(perSecond, false), idle: round(perSecond, true) });
      rows.push(...told(perSecond, busy, idle));
    }
    return rows;
  } finally {
    await member.stop();
    await conductor.stop();
    await database.stop();
  }
}

async function sample(
  conductor: TicketProcess,
  member: TicketProcess,
  perSecond: number,
  isIdle: boolean,
): Promise<Sample> {
  const before = await Promise.all([conductor.figures(), member.figures()]);
  const { tickets, p50Ms, p99Ms } = await member.pace({ perSecond, seconds, isIdle });
  const after = await Promise.all([conductor.figures(), member.figures()]);
  const micros = (at: 0 | 1) => (after[at].cpuMicros - before[at].cpuMicros) / tickets;
  return { p50Ms, p99Ms, conductorMicros: micros(0), memberMicros: micros(1) };
}

function told(perSecond: PerSecond, busy: readonly Sample[], idle: readonly Sample[]): Row[] {
  const net = (field: 'conductorMicros' | 'memberMicros') => {
    const { median } = spread(idle.map(one => one[field]));
    return busy.map(one => one[field] - median);
  };
  const p50 = busy.map(one => one.p50Ms);
  const p99 = busy.map(one => one.p99Ms);
  const published = prototype[perSecond];
  const cpu = (who: 'conductor' | 'member', micros: readonly number[]): Row => ({
    what: `CPU of a ticket at the ${who}, ${perSecond}/s`,
    measured: shown(micros, 'µs'),
    target: `prototype ${published[who]} µs`,
    isMet: spread(micros).median <= published[who],
  });
  return [
    {
      what: `a ticket there and back, ${perSecond}/s`,
      measured: `p50 ${shown(p50, 'ms', 2)}, p99 ${shown(p99, 'ms', 2)}`,
      target: 'prototype p50 0.13–0.17 ms, p99 1–4 ms',
      isMet: spread(p50).median <= 0.17,
    },
    cpu('conductor', net('conductorMicros')),
    cpu('member', net('memberMicros')),
  ];
}
