import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { batch, openPeer } from '../support/fleet-peer.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../support/fleet-process.ts', import.meta.url));

interface Said {
  readonly id: string;
  readonly at: number;
  readonly told?: string;
  readonly role?: string;
  readonly mayStart?: boolean;
  readonly mayGrantToItself?: boolean;
  readonly epoch?: number;
  readonly conductor?: string | null;
  readonly mayGrant?: readonly string[];
  readonly member?: string;
}

class Process {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly said: Said[] = [];
  errors = '';

  constructor(t: TestContext, url: string, name: string) {
    this.child = spawn(process.execPath, [program, url, name], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => this.child.kill('SIGKILL'));
    createInterface(this.child.stdout).on('line', line => this.said.push(JSON.parse(line)));
    this.child.stderr.on('data', text => {
      this.errors += text;
    });
  }

  get id(): string {
    return this.said[0]?.id ?? '';
  }

  get state(): Said | undefined {
    return this.said.findLast(({ role }) => role !== undefined);
  }

  get isLiving(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }
}

const conductorOf = (processes: readonly Process[]): Process | undefined =>
  processes.find(({ state, isLiving }) => isLiving && state?.role === 'conductor');

/** One conducts and may grant to all, all others follow it and may start. */
function isOrdered(processes: readonly Process[]): boolean {
  const living = processes.filter(({ isLiving }) => isLiving);
  const conductor = conductorOf(living);
  if (conductor === undefined || conductor.state?.mayStart !== true) return false;
  const others = living.filter(one => one !== conductor);
  return others.every(
    ({ id, state }) =>
      state?.role === 'member' &&
      state.mayStart === true &&
      state.conductor === conductor.id &&
      state.epoch === conductor.state?.epoch &&
      conductor.state?.mayGrant?.includes(id),
  );
}

type Fleet = Awaited<ReturnType<typeof startFleet>>;

async function startFleet(t: TestContext, count: number) {
  const { url, query } = await freshDatabase(t);
  const processes = Array.from({ length: count }, (_, at) => new Process(t, url, `gateway-${at}`));
  await until(() => isOrdered(processes)).catch(error => {
    throw new Error(
      `${error}\n${processes.map(({ state, errors }) => `${JSON.stringify(state)} ${errors}`).join('\n')}`,
    );
  });
  return { processes, query, start: (name: string) => new Process(t, url, name) };
}

/** No two conducted in one epoch, and epochs went up. */
function assertReigns(processes: readonly Process[]): void {
  const epochs = processes
    .flatMap(({ said }) => said.filter(({ told }) => told === 'conduct'))
    .sort((a, b) => a.at - b.at)
    .map(({ epoch }) => epoch ?? 0);
  assert.equal(new Set(epochs).size, epochs.length);
  assert.deepEqual(
    epochs,
    epochs.toSorted((a, b) => a - b),
  );
}

test('processes of one database elect one, and the others follow it whoever is killed or leaves', async t => {
  const fleet = await startFleet(t, 5);
  await t.test('one is elected', () => oneIsElected(fleet));
  await t.test('a member that is killed is off the list, and its seats are free, without a time being waited for', () =>
    killMember(fleet),
  );
  for (const left of [4, 3])
    await t.test(`of ${left}, the conductor is killed: the next one grants within a second`, t =>
      killConductor(t, fleet),
    );
  await t.test('a conductor that leaves hands over to a member, and the last one releases the row', () =>
    leaveOneByOne(fleet),
  );
  assertReigns(fleet.processes);
});

async function oneIsElected({ processes, query }: Fleet): Promise<void> {
  assert.equal(processes.filter(({ said }) => said.some(({ told }) => told === 'conduct')).length, 1);
  const [row] = await query('SELECT holder, jsonb_array_length(members) AS members FROM gateway_fleets');
  assert.deepEqual(row, { holder: conductorOf(processes)?.id, members: 5 });
}

async function killMember({ processes, query }: Fleet): Promise<void> {
  const conductor = conductorOf(processes);
  const killed = processes.find(one => one !== conductor);
  assert.ok(killed !== undefined && conductor !== undefined);
  const at = Date.now();
  killed.child.kill('SIGKILL');
  await until(() => conductor.said.some(({ told, member }) => told === 'free' && member === killed.id));
  const freed = conductor.said.find(({ told }) => told === 'free');
  assert.ok((freed?.at ?? Number.POSITIVE_INFINITY) - at < 1_000);
  await until(async () => {
    const [row] = await query('SELECT jsonb_array_length(members) AS members FROM gateway_fleets');
    return row?.members === 4;
  });
  assert.ok(isOrdered(processes));
}

/** The others know of it by its address. */
async function killConductor(t: TestContext, { processes }: Fleet): Promise<void> {
  const killed = conductorOf(processes);
  assert.ok(killed);
  const at = Date.now();
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  await until(() => isOrdered(processes));
  const next = conductorOf(processes);
  assert.ok(next);
  const conducts = next.said.findLast(({ told }) => told === 'conduct');
  const grants = next.said.find(
    ({ at: when, role, mayStart }) => when >= (conducts?.at ?? 0) && role === 'conductor' && mayStart === true,
  );
  const tookMs = (grants?.at ?? Number.POSITIVE_INFINITY) - at;
  t.diagnostic(`killed → may grant: ${tookMs} ms`);
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
  await until(() => next.said.some(({ told, member }) => told === 'free' && member === killed.id));
}

async function leaveOneByOne({ processes, query }: Fleet): Promise<void> {
  const first = conductorOf(processes);
  const second = processes.find(one => one !== first && one.isLiving);
  assert.ok(first !== undefined && second !== undefined);
  const isolations = () => second.said.filter(({ told }) => told === 'isolate').length;
  const before = isolations();
  first.child.kill('SIGTERM');
  const [code] = await once(first.child, 'exit');
  assert.equal(code, 0, first.errors);
  await until(() => isOrdered(processes));
  assert.equal(conductorOf(processes), second);
  assert.equal(isolations(), before);
  second.child.kill('SIGTERM');
  const [last] = await once(second.child, 'exit');
  assert.equal(last, 0, second.errors);
  const [row] = await query('SELECT holder, members FROM gateway_fleets');
  assert.deepEqual(row, { holder: null, members: [] });
}

test('a gateway that was alone is followed by the next start, which grants at once but on a restored row', async t => {
  const { processes, query, start } = await startFleet(t, 1);
  let [last] = processes;
  for (const [how, signal] of [
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGTERM'],
  ] as const) {
    await t.test(`after one that was ${how}`, async t => {
      last = await follow(last, signal, start);
      const tookMs = mayGrantAfterMs(last);
      t.diagnostic(`elected → may grant: ${tookMs} ms`);
      assert.ok(tookMs < 1_000, `${tookMs} ms`);
    });
  }
  await t.test('on a restored row it grants nothing for the first five seconds', async () => {
    const next = await follow(last, 'SIGTERM', async name => {
      await query(`CREATE TABLE copy AS SELECT * FROM gateway_fleets; DELETE FROM gateway_fleets;
        INSERT INTO gateway_fleets SELECT * FROM copy`);
      return start(name);
    });
    const tookMs = mayGrantAfterMs(next);
    assert.ok(tookMs >= 4_990 && tookMs < 7_000, `${tookMs} ms`);
  });
});

/** Ends the one that is alone; returns the next one once it may grant. */
async function follow(
  before: Process | undefined,
  signal: NodeJS.Signals,
  start: (name: string) => Process | Promise<Process>,
): Promise<Process> {
  assert.ok(before);
  before.child.kill(signal);
  await once(before.child, 'exit');
  const next = await start('again');
  await until(() => next.state?.mayGrantToItself === true);
  return next;
}

function mayGrantAfterMs({ said }: Process): number {
  const conducts = said.find(({ told }) => told === 'conduct');
  const grants = said.find(({ mayGrantToItself }) => mayGrantToItself === true);
  return (grants?.at ?? Number.NaN) - (conducts?.at ?? Number.NaN);
}

const hello = {
  t: 'hello',
  epoch: 0,
  beat: 1,
  member: { name: 'x', url: 'tcp://10.0.0.1:1', version: '1.0.0', since: '' },
  isLeaving: false,
  pools: [],
  brings: [],
};

test('a member that breaks the protocol is closed, and the fleet goes on', async t => {
  const { processes, query } = await startFleet(t, 2);
  const [row] = await query('SELECT url, secret, epoch FROM gateway_fleets');
  for (const [what, messages, why] of [
    ['says hello twice', [hello, hello], /said hello twice/],
    ['says what it holds when its hello is over', [hello, { t: 'held', tickets: [] }], /held after its hello/],
    ['says a number that is none', [{ ...hello, beat: -1 }], /hello\.beat is out of its bounds/],
  ] as const) {
    await t.test(`one that ${what}`, async t => {
      const is = { secret: row?.secret, fleet: 'main', at: row?.url, member: randomUUID() };
      const peer = await openPeer(t, row?.url, is);
      peer.socket.write(
        batch(...messages.map(message => ('epoch' in message ? { ...message, epoch: row?.epoch } : message))),
      );
      await peer.closed;
      await until(() => why.test(conductorOf(processes)?.errors ?? ''));
      assert.equal(processes.filter(({ said }) => said.some(({ told }) => told === 'conduct')).length, 1);
      assert.ok(processes.every(({ isLiving }) => isLiving));
    });
  }
});
