import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { singleFlight } from '../../../src/domain/structures/single-flight.ts';
import type { Classifiable } from '../../../src/domain/vocabulary.ts';
import type { MappingSource } from '../../../src/priority/matching/matcher.ts';
import type { StoredRows } from '../../../src/priority/rows/mapping-store.ts';
import { Mapper } from '../../../src/priority/serving/mapper.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { prioritySettings } from '../../support/priority-settings.ts';

const settings = prioritySettings();

const prefix = (id: number, pattern: string, priority: number): MappingSource => ({
  id,
  pattern,
  priority,
  match_type: 'prefix',
  tenant_id: `tenant-${id}`,
  tenant_name: null,
  tenant_type: 'internal',
});

const request: Classifiable = {
  identity: { keyId: 1, userId: 2, role: 'gateway_user' },
  key: 'tok_a1',
  asked: undefined,
};

/** A mapper whose tables are in memory, with every read controlled by the test. */
function arrange(t: TestContext, rows: Partial<StoredRows> = {}) {
  const tables = { mappings: [prefix(1, 'tok_a*', 2)], settings: [], boosts: [], schedules: [], ...rows } as {
    -readonly [K in keyof StoredRows]: StoredRows[K];
  };
  const reads: { succeed(): void; fail(error: Error): void }[] = [];
  const waiting: (() => void)[] = [];
  const readAll = () => {
    const { promise, resolve, reject } = Promise.withResolvers<StoredRows>();
    const seen = { ...tables };
    reads.push({ succeed: () => resolve(seen), fail: reject });
    waiting.shift()?.();
    return promise;
  };
  const unused = async () => assert.fail('not used here');
  const store = {
    readAll,
    list: unused,
    find: unused,
    create: unused,
    update: unused,
    remove: async () => ({
      ...prefix(1, 'tok_a*', 2),
      description: null,
      enabled: true,
      created_at: '',
      updated_at: '',
      created_by: null,
      etag: '',
    }),
    writeSettings: unused,
  };
  const log: string[] = [];
  const events = {
    requestEnded: () => {},
    keyMapped: () => {},
    keyShadowed: () => {},
    externalMayRaise: () => {},
    mappingsReloaded: ({ usable }: { usable: number }) => log.push(`reloaded ${usable}`),
    mappingsReloadFailed: (error: unknown) => log.push(`failed ${(error as Error).message}`),
    mappingAdded: () => {},
    moreMappingsFaulty: (count: number) => log.push(`${count} more faulty`),
    mappingFaulty: ({ id, reason }: { id: number; reason: string }) => log.push(`faulty ${id} ${reason}`),
    timingFaulty: () => {},
    mappingBoosted: () => {},
    prioritiesTurned: () => {},
    settingFaulty: ({ key }: { key: string }) => log.push(`setting ${key}`),
    info: () => {},
    warn: () => {},
    error: (message: string) => log.push(`error ${message}`),
  };
  const clock = new ManualClock();
  const mapper = new Mapper({ store, settings, clock, events });
  t.after(() => mapper.stop());
  /** Resolves to the read with this number, from 0, once it has begun. */
  const read = async (index: number) => {
    while (reads.length <= index) await new Promise<void>(resolve => waiting.push(resolve));
    return reads[index] ?? assert.fail();
  };
  const start = async () => {
    const started = mapper.start();
    (await read(0)).succeed();
    await started;
  };
  return { mapper, clock, tables, reads, read, log, start };
}

test('before the first snapshot the default priority applies, afterwards the mapping', async t => {
  const { mapper, start } = arrange(t);
  assert.equal(mapper.status().loaded, false);
  assert.equal(mapper.classify(request).level, 7);
  assert.equal(mapper.match('tok_a1'), null);
  await start();
  assert.equal(mapper.classify(request).level, 2);
  assert.equal(mapper.match('tok_a1')?.tenant_id, 'tenant-1');
  assert.deepEqual(mapper.status(), {
    loaded: true,
    degraded: false,
    loadedAt: new Date('2026-01-01T00:00:00Z'),
    ageMs: 0,
    reloadBy: new Date('2026-01-01T00:05:00Z'),
    size: 1,
    usable: 1,
    faulty: 0,
    enabled: true,
  });
});

test('the old snapshot serves until the new one is whole', async t => {
  const { mapper, tables, read, start } = arrange(t);
  await start();
  tables.mappings = [prefix(1, 'tok_a*', 0)];
  const reloaded = mapper.reload();
  const second = await read(1);
  assert.equal(mapper.classify(request).level, 2);
  second.succeed();
  await reloaded;
  assert.equal(mapper.classify(request).level, 0);
});

test('when the TTL is over the next lookup starts one reload, and no lookup starts none', async t => {
  const { mapper, clock, reads, read, tables, start } = arrange(t);
  await start();
  clock.advance(299_999);
  mapper.classify(request);
  assert.equal(reads.length, 1);
  clock.advance(1_000_000);
  assert.equal(reads.length, 1);
  tables.mappings = [];
  assert.equal(mapper.classify(request).level, 2);
  mapper.classify(request);
  mapper.match('tok_a1');
  assert.equal(reads.length, 2);
  (await read(1)).succeed();
  await mapper.stop();
  assert.equal(mapper.classify(request).level, 7);
});

test('a failed reload keeps the old snapshot, is logged, and is tried again every second', async t => {
  const { mapper, clock, read, log, start } = arrange(t);
  await start();
  const failing = assert.rejects(mapper.reload(), { message: 'connection refused' });
  (await read(1)).fail(new Error('connection refused'));
  await failing;
  assert.equal(mapper.status().degraded, true);
  assert.equal(mapper.classify(request).level, 2);
  clock.advance(1_000);
  const again = mapper.reload(); // waits for the one that the clock started
  (await read(2)).succeed();
  (await read(3)).succeed();
  await again;
  assert.equal(mapper.status().degraded, false);
  assert.deepEqual(log, ['reloaded 1', 'failed connection refused', 'reloaded 1', 'reloaded 1']);
});

test('a stored change is answered as done even if the reload after it fails, and the log says so', async t => {
  const { mapper, read, log, start } = arrange(t);
  await start();
  const removed = mapper.remove(1);
  (await read(1)).fail(new Error('connection reset'));
  await removed;
  assert.deepEqual(log.slice(1), [
    'failed connection reset',
    'error APIKeyMapper: a change is stored but does not serve here yet',
  ]);
});

test('a start without a database goes on trying until the first snapshot serves', async t => {
  const { mapper, clock, read } = arrange(t);
  const started = mapper.start();
  const idle = () => new Promise(resolve => setImmediate(resolve));
  (await read(0)).fail(new Error('starting up'));
  while (clock.pending === 0) await idle();
  clock.advance(1_000);
  (await read(1)).succeed();
  await started;
  assert.equal(mapper.status().loaded, true);
});

test('stopping before the first snapshot ends the wait for it', async t => {
  const { mapper, read } = arrange(t);
  const started = mapper.start();
  (await read(0)).fail(new Error('never there'));
  const refused = assert.rejects(started, { code: 'unavailable' });
  await mapper.stop();
  await refused;
});

test('calls during a reload share one more that begins after it', async t => {
  const { mapper, read, reads, tables, start } = arrange(t);
  await start();
  const first = mapper.reload();
  tables.mappings = [prefix(1, 'tok_a*', 2), prefix(2, 'tok_b*', 3)];
  const [second, third] = [mapper.reload(), mapper.reload()];
  (await read(1)).succeed();
  assert.equal((await first).usable, 1);
  (await read(2)).succeed();
  assert.deepEqual([(await second).usable, (await third).usable], [2, 2]);
  assert.equal(reads.length, 3);
});

test('a faulty row or setting is skipped, and logged once until it changes', async t => {
  const bad = (pattern: string): MappingSource => ({ ...prefix(2, pattern, 1), match_type: 'regex' });
  const { mapper, tables, read, log, start } = arrange(t, {
    mappings: [prefix(1, 'tok_a*', 2), bad('(')],
    settings: [{ key: 'default_priority', value: '99' }],
  });
  await start();
  assert.equal(mapper.classify(request).level, 2);
  assert.deepEqual([mapper.status().size, mapper.status().usable, mapper.status().faulty], [2, 1, 1]);
  const reloadWith = async (index: number, mappings: MappingSource[]) => {
    tables.mappings = mappings;
    const reloaded = mapper.reload();
    (await read(index)).succeed();
    await reloaded;
  };
  await reloadWith(1, [prefix(1, 'tok_a*', 2), bad('(')]);
  await reloadWith(2, [prefix(1, 'tok_a*', 2), bad('[')]);
  const faulty = log.filter(line => !line.startsWith('reloaded'));
  assert.match(faulty[0] ?? '', /faulty 2 .*missing closing \)/);
  assert.equal(faulty[1], 'setting default_priority');
  assert.match(faulty[2] ?? '', /faulty 2 .*missing closing \]/);
  assert.equal(faulty.length, 3);
});

test('of many faulty rows the first are logged one by one, the others as a number', async t => {
  const mappings = Array.from(
    { length: 250 },
    (_, at): MappingSource => ({ ...prefix(at + 1, '(', 1), match_type: 'regex' }),
  );
  const { log, start } = arrange(t, { mappings });
  await start();
  const told = log.filter(line => line.includes('faulty'));
  assert.deepEqual([told.length, told.at(-1)], [101, '150 more faulty']);
});

test('switching mapping off at run time leaves the snapshot fresh and the default in force', async t => {
  const { mapper, read, tables, start } = arrange(t);
  await start();
  tables.settings = [
    { key: 'enabled', value: 'false' },
    { key: 'default_priority', value: '8' },
  ];
  const reloaded = mapper.reload();
  (await read(1)).succeed();
  await reloaded;
  assert.equal(mapper.classify(request).level, 8);
  assert.equal(mapper.match('tok_a1')?.id, 1);
  assert.deepEqual(mapper.settings().enabled, { value: false, source: 'database' });
  assert.equal(mapper.status().enabled, false);
});

test('a TTL set at run time counts from that reload', async t => {
  const { mapper, clock, read, reads, tables, start } = arrange(t);
  await start();
  tables.settings = [{ key: 'cache_ttl_sec', value: '5' }];
  const reloaded = mapper.reload();
  (await read(1)).succeed();
  await reloaded;
  clock.advance(5_000);
  mapper.classify(request);
  assert.equal(reads.length, 3);
  (await read(2)).succeed();
});

test('single flight: one runs, one waits, and a failed run does not stop the next', async () => {
  const runs: PromiseWithResolvers<number>[] = [];
  const call = singleFlight(() => {
    const run = Promise.withResolvers<number>();
    runs.push(run);
    return run.promise;
  });
  const first = call();
  const [second, third] = [call(), call()];
  assert.equal(runs.length, 1);
  const failed = assert.rejects(first, /broken/);
  runs[0]?.reject(new Error('broken'));
  await failed;
  assert.equal(runs.length, 2);
  runs[1]?.resolve(2);
  assert.deepEqual(await Promise.all([second, third]), [2, 2]);
  const fourth = call();
  assert.equal(runs.length, 3);
  runs[2]?.resolve(3);
  assert.equal(await fourth, 3);
});
