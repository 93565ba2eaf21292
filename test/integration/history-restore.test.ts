import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import type { Restorer } from '../../src/db/recorded-row.ts';
import type { Database, HistoryRow } from '../../src/db/schema.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { HistoryStore } from '../../src/history/history-store.ts';
import { MappingStore } from '../../src/priority/rows/mapping-store.ts';
import { priorityRestorers } from '../../src/priority/rows/restore-store.ts';
import { startGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\n';
const patterns = ['a*', 'b*', 'c*', 'tok_d'];
const actor = 'admin@local';

type Change =
  | { readonly by: 'create'; readonly pattern: string; readonly priority: number }
  | {
      readonly by: 'update';
      readonly id: number;
      readonly patch: { priority?: number; tenant_id?: string | null; pattern?: string };
    }
  | { readonly by: 'remove'; readonly id: number }
  | { readonly by: 'set'; readonly value: string | null }
  | { readonly by: 'sql'; readonly text: string }
  | { readonly by: 'restore'; readonly nth: number };

const anyId = fc.integer({ min: 1, max: 4 });
const anyPriority = fc.integer({ min: 0, max: 9 });
const anyPattern = fc.constantFrom(...patterns);
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ by: fc.constant('create' as const), pattern: anyPattern, priority: anyPriority }),
  fc.record({
    by: fc.constant('update' as const),
    id: anyId,
    patch: fc.record(
      { priority: anyPriority, tenant_id: fc.constantFrom(null, 't'), pattern: anyPattern },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ by: fc.constant('remove' as const), id: anyId }),
  fc.record({ by: fc.constant('set' as const), value: fc.constantFrom(null, '1', '2') }),
  fc.record({
    by: fc.constant('sql' as const),
    text: fc.constantFrom(
      'UPDATE api_key_priority_mappings SET priority = 9 - priority',
      'UPDATE api_key_priority_mappings SET id = id + 1 WHERE id = (SELECT max(id) FROM api_key_priority_mappings)',
      `DELETE FROM api_key_priority_mappings WHERE pattern < 'b'`,
      'TRUNCATE api_key_priority_mappings',
      `INSERT INTO api_key_priority_config (key, value) VALUES ('default_priority', '4')
         ON CONFLICT (key) DO UPDATE SET value = '4'`,
    ),
  }),
  fc.record({ by: fc.constant('restore' as const), nth: fc.nat({ max: 20 }) }),
);

type State = ReadonlyMap<string, unknown>;

function arrange(db: Kysely<Database>, query: TestDatabase['query']) {
  const mappings = new MappingStore(db);
  const history = new HistoryStore(db);
  const all = async () => (await history.list({ limit: 1000, offset: 0 })).history;
  /** Returns the present state of every object, without the time of its last write. */
  const state = async (): Promise<State> => {
    const rows = await query(`
      SELECT 'mapping ' || id AS object, to_jsonb(m) - 'updated_at' AS row FROM api_key_priority_mappings m
      UNION ALL SELECT 'setting ' || key, to_jsonb(c) - 'updated_at' FROM api_key_priority_config c`);
    return new Map(rows.map(({ object, row }) => [object, row]));
  };
  const restorers: Readonly<Record<string, Restorer>> = priorityRestorers({
    clock: systemClock,
    serve: () => Promise.resolve(),
  });
  const restore = async (entry: HistoryRow) => {
    const restorer = restorers[entry.object];
    assert.ok(restorer);
    return history.restore(entry, restorer, { actor });
  };
  const apply = async (change: Change): Promise<unknown> => {
    switch (change.by) {
      case 'create': {
        const match_type = change.pattern === 'tok_d' ? 'exact' : 'prefix';
        return mappings.create({ pattern: change.pattern, priority: change.priority, match_type }, actor);
      }
      case 'update':
        return mappings.update(change.id, change.patch, { actor, check: () => {} });
      case 'remove':
        return mappings.remove(change.id, { actor, check: () => {} });
      case 'set':
        return mappings.writeSettings([{ key: 'default_priority', value: change.value }], actor);
      case 'sql':
        return query(change.text);
      case 'restore': {
        const entries = await all();
        const entry = entries[change.nth % Math.max(1, entries.length)];
        return entry && restore(entry);
      }
      default:
        return change satisfies never;
    }
  };
  return { all, state, restore, apply };
}

/** A change that the tables or the rules refuse counts as none. */
const orRefused = (changing: Promise<unknown>): Promise<boolean> =>
  changing.then(
    () => true,
    error => {
      assert.ok(['conflict', '23505', '23514'].includes(error.code), String(error));
      return false;
    },
  );

/** The history stores an exact pattern as its digest, which is the same pattern. */
const sameObject = (actual: unknown, expected: unknown, spelled: (row: any) => unknown) =>
  assert.deepEqual(spelled(actual), spelled(expected));
const withoutSpelling = (row: any) => (row?.match_type === 'exact' ? { ...row, pattern: 'exact' } : row);

test('after any sequence of changes an entry gives its object the state that it had right after it, and no other object', async t => {
  const database = await freshDatabase(t);
  const { db, pool, close } = openPostgres(database.url);
  t.after(close);
  const query = async (text: string) => (await pool.query(text)).rows;
  const { all, state, restore, apply } = arrange(db, query);
  let restored = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 12 }), fc.nat(), async (changes, pick) => {
      await query(`TRUNCATE api_key_priority_mappings, api_key_priority_config RESTART IDENTITY;
        TRUNCATE api_key_priority_history RESTART IDENTITY`);
      /** The state of all objects right after the change that wrote the entry. */
      const after = new Map<number, State>();
      for (const change of changes) {
        await orRefused(apply(change));
        const [states, entries] = [await state(), await all()];
        for (const { id } of entries) if (!after.has(id)) after.set(id, states);
      }
      const entries = await all();
      const entry = entries[pick % Math.max(1, entries.length)];
      if (entry === undefined) return;
      const before = await state();
      if (!(await orRefused(restore(entry)))) return assert.deepEqual(await state(), before);
      restored++;
      const now = await state();
      const object = `${entry.object} ${entry.object_id}`;
      sameObject(now.get(object), after.get(entry.id)?.get(object), withoutSpelling);
      for (const other of new Set([...before.keys(), ...now.keys()]))
        if (other !== object) assert.deepEqual(now.get(other), before.get(other), other);
    }),
    { numRuns: 50 },
  );
  assert.ok(restored > 20, `${restored} restored`);
});

test('where the role may not create triggers the gateway records what is changed through it', async t => {
  const database = await freshDatabase(t);
  await database.query('DROP FUNCTION tokligence_record_mapping, tokligence_record_setting CASCADE');
  const { url, role } = await limitedRole(t, database);
  const { db, pool, close } = openPostgres(url);
  t.after(close);
  assert.equal((await migratePostgres(pool)).recording, 'gateway');
  const { all, restore, state } = arrange(db, database.query);
  const mappings = new MappingStore(db);
  const { id } = await mappings.create({ pattern: 'a*', priority: 1, match_type: 'prefix' }, actor);
  await mappings.create({ pattern: 'b*', priority: 1, match_type: 'prefix' }, actor);
  await mappings.update(id, { priority: 5 }, { actor, check: () => {} });
  await database.query('UPDATE api_key_priority_mappings SET priority = 9 WHERE id = 2');
  await mappings.remove(id, { actor, check: () => {} });
  await mappings.writeSettings([{ key: 'default_priority', value: '3' }], actor);
  const told = (await all()).map(({ object, object_id, kind, actor, db_role }) => [
    object,
    object_id,
    kind,
    actor,
    db_role,
  ]);
  assert.deepEqual(told, [
    ['setting', 'default_priority', 'create', actor, role],
    ['mapping', '1', 'delete', actor, role],
    ['mapping', '1', 'update', actor, role],
    ['mapping', '2', 'create', actor, role],
    ['mapping', '1', 'create', actor, role],
  ]);
  const update = (await all())[2];
  assert.ok(update && (await restore(update)));
  assert.equal(((await state()).get('mapping 1') as any).priority, 5);
  assert.equal((await all())[0]?.restores, update.id);

  const gateway = await startGateway(t, { ini, database: url });
  const said = () =>
    gateway.log.filter(line => line.includes('may not create the triggers that record changes')).length;
  await until(() => said() > 0);
  await gateway.admin('PUT', '/admin/api-key-priority/mappings/2', { priority: 3 });
  const history = () => gateway.admin('GET', '/admin/api-key-priority/history?object_id=2&limit=1');
  const [entry] = (await history()).body.history;
  assert.deepEqual([entry.before.priority, entry.after.priority, entry.actor], [9, 3, actor]);
  // Without the right to write the history a change still succeeds; without the right to read it, its absence is
  // explained.
  await database.query(`REVOKE ALL ON api_key_priority_history FROM ${role}`);
  assert.equal((await gateway.admin('PUT', '/admin/api-key-priority/mappings/2', { priority: 4 })).status, 200);
  const unreadable = await history();
  assert.deepEqual([unreadable.status, unreadable.body.error.code], [503, 'unavailable']);
  assert.match(unreadable.body.error.message, /GRANT SELECT, .* ON api_key_priority_history/);
  assert.equal(said(), 1);
});
