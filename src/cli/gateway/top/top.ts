import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { SchedulerStats } from '../../../http/admin/contract/pool.ts';
import type { AdminClient } from '../client.ts';
import { CliFault, exitCodes } from '../exit.ts';
import { visible } from '../output.ts';
import { type Session, type SessionOf, wholeNumber } from '../session.ts';
import { poolLines, type Sample } from './top-frame.ts';
import { openTopScreen, type TopScreen } from './top-screen.ts';

interface TopFlags {
  readonly interval: number;
  readonly pool?: string;
  readonly once?: true;
}

export function topCommand(program: Command, sessionOf: SessionOf): void {
  program
    .command('top')
    .description('the lanes, live: seats, who runs and who waits on each level; q ends it')
    .addOption(new Option('--interval <seconds>', 'how often to look').argParser(wholeNumber(1, 3_600)).default(1))
    .option('--pool <name>', 'only this pool')
    .option('--once', 'show it once and end, as it does where there is no terminal')
    .action(async (flags: TopFlags, command: Command) => {
      const session = sessionOf(command);
      const take = sampler(session.gateway(), flags.pool);
      const first = await take();
      const { stdout } = session.streams;
      if (flags.once || session.json || stdout.isTTY !== true) return snapshot(session, first);
      await watch(session, take, { first, intervalMs: flags.interval * 1_000 });
    });
}

type Take = (signal?: AbortSignal) => Promise<Sample>;

const sampler =
  (gateway: AdminClient, pool: string | undefined): Take =>
  async signal => {
    const options = signal === undefined ? {} : { signal };
    const { pools, fleet } = await gateway.call<SchedulerStats>('GET', '/admin/scheduler/stats', options);
    const chosen = pool === undefined ? pools : pools.filter(({ name }) => name === pool);
    if (pool !== undefined && chosen.length === 0) {
      throw new CliFault(
        exitCodes.notFound,
        `There is no pool ${pool}: there are ${pools.map(({ name }) => name).join(', ')}.`,
      );
    }
    return { pools: chosen, gap: fleet?.reason ?? null, atMs: performance.now() };
  };

function snapshot(session: Session, sample: Sample): void {
  const columns = session.streams.stdout.isTTY === true ? session.streams.stdout.columns : Number.POSITIVE_INFINITY;
  const { pools, gap } = sample;
  const shown = gap === null ? { pools } : { pools, gap };
  session.show(shown, () => `${poolLines(sample, null, { columns, idleLevels: true }).join('\n')}\n`);
}

async function watch(
  { streams, gateway }: Session,
  take: Take,
  { first, intervalMs }: { first: Sample; intervalMs: number },
): Promise<void> {
  const { url } = gateway();
  const screen = openTopScreen(streams);
  let shown: { now: Sample; before: Sample | null; trouble: string | null } = {
    now: first,
    before: null,
    trouble: null,
  };
  const draw = () => screen.draw(frame(screen, url, shown));
  screen.onResize(draw);
  try {
    while (!screen.stop.aborted) {
      draw();
      await pause(intervalMs, undefined, { signal: screen.stop });
      shown = await next(shown, () => take(screen.stop));
    }
  } catch (error) {
    // A stop by the user interrupts a pause or a request.
    if (!screen.stop.aborted) throw error;
  } finally {
    screen.close();
  }
}

type Shown = { now: Sample; before: Sample | null; trouble: string | null };

/** Waits for a gateway that is away for a while, as during a restart; a refused key is fatal. */
async function next({ now, before }: Shown, take: () => Promise<Sample>): Promise<Shown> {
  try {
    return { now: await take(), before: now, trouble: null };
  } catch (error) {
    if (error instanceof CliFault && error.exitCode === exitCodes.unreachable) {
      return { now, before, trouble: error.message };
    }
    throw error;
  }
}

/** Fits the frame to the screen: idle levels are left out first. */
function frame(screen: TopScreen, url: string, { now, before, trouble }: Shown): string[] {
  const { columns, rows } = screen;
  const heading =
    trouble === null ? `Tokligence Gateway  ${url}   q ends` : `${visible(trouble)}; trying again   q ends`;
  const all = poolLines(now, before, { columns, idleLevels: true });
  const lines = all.length + 2 <= rows ? all : poolLines(now, before, { columns, idleLevels: false });
  const room = Math.max(rows - 2, 1);
  const cut = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`] : lines;
  return [heading.slice(0, columns), '', ...cut];
}
