/** One of several processes of a gateway: an app of its own on the shared port, which does what its parent says. */
import { type App, startApp } from '../app.ts';
import { ignoreSignals } from '../cli/signals.ts';
import { keepCompiledCode } from '../compiled-code.ts';
import type { Config } from '../config/config.ts';
import { ConfigFaults } from '../config/config-loader.ts';
import { systemClock } from '../domain/clock.ts';
import type { Upward, Welcome } from './messages.ts';
import { type Order, ParentLink } from './parent-link.ts';
import { Readings } from './readings.ts';

/** What a worker has counted is lost for no longer than this, where it is killed. */
const countsEveryMs = 1_000;

/** Ends the process. */
export async function runWorker(number: number): Promise<never> {
  ignoreSignals();
  const parent = new ParentLink(number);
  const welcome = await Promise.race([parent.welcome, parent.gone]);
  if (!welcome) process.exit(0);
  try {
    await serve(parent, welcome);
    process.exit(0);
  } catch (error) {
    const message = sentenceOf(error);
    const code = error instanceof ConfigFaults ? 2 : 1;
    await parent.send({ t: 'failed', code, message });
    process.exit(code);
  }
}

/** The port is the parent's, from which a fault comes in other words than to a process that listens itself. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  return code === 'EADDRINUSE' ? `listen EADDRINUSE: address already in use ${address}:${port}` : error.message;
}

/** Resolves when it has stopped as ordered. */
async function serve(parent: ParentLink, { config, reread, embedded, isColoured }: Welcome): Promise<void> {
  void parent.send({ t: 'opening' });
  const app = await startApp(config, {
    print: text => void parent.send({ t: 'print', text }),
    worker: { peers: parent, isColoured, openEmbedded: async () => ({ ...ofParent(embedded), stop: async () => {} }) },
  });
  const ordered = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const stop = (wish: Parameters<App['stop']>[0]) => {
    ordered.resolve();
    void app.stop(wish).then(stopped.resolve);
  };
  const { unreadable, ...forPeers } = app.forPeers;
  const readings = new Readings({ ...forPeers, send: message => parent.send(message), onFault: unreadable });
  if (reread !== null) configured(app, reread);
  parent.follow(order => follow(order, { parent, app, stop, readings }));
  // Clients come no more, and those that are here have the grace period.
  void parent.gone.then(() => stop('orphaned'));
  void parent.send({ t: 'listening', url: app.url });
  const cancel = every(countsEveryMs, () => readings.tellCounts());
  // A start that ends because it was ordered to is no fault.
  await Promise.race([ordered.promise, app.ready.then(() => parent.send({ t: 'ready' }))]).catch(async fault => {
    await app.stop();
    throw fault;
  });
  keepCompiledCode();
  await stopped.promise;
  cancel();
  await readings.tellCounts();
}

const ofParent = (embedded: Welcome['embedded']): NonNullable<Welcome['embedded']> => {
  if (embedded === null) throw new Error('the parent has no embedded database');
  return embedded;
};

interface Followed {
  readonly parent: ParentLink;
  readonly app: App;
  readonly stop: (wish: 'in_time' | 'when_done') => void;
  readonly readings: Readings;
}

function follow(order: Order, { parent, app, stop, readings }: Followed): void {
  if (order.t === 'stop') stop(order.wish);
  else if (order.t === 'hurry') app.hurry();
  else if (order.t === 'guess') app.forPeers.heardOf(order);
  else if (order.t === 'read') void readings.answer(order.id);
  else if (order.t === 'hear') void hear(order, parent, app);
  else void parent.send({ t: 'configured', id: order.id, faults: configured(app, order.config) });
}

async function hear({ id, change }: Extract<Order, { t: 'hear' }>, parent: ParentLink, app: App): Promise<void> {
  await app.forPeers.hear(change);
  await parent.send({ t: 'heard', id });
}

function configured(app: App, config: Config): Extract<Upward, { t: 'configured' }>['faults'] {
  try {
    app.forPeers.reconfigure(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigFaults) return [...error.faults];
    throw error;
  }
}

/** Returns the end of it. `act`, which never rejects, begins again a while after it has ended. */
function every(ms: number, act: () => Promise<void>): () => void {
  let cancel = () => {};
  let isOver = false;
  const next = () => {
    if (!isOver) cancel = systemClock.after(ms, () => void act().then(next));
  };
  next();
  return () => {
    isOver = true;
    cancel();
  };
}
