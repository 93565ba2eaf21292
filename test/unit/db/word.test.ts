import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { answerOf, sought, unavailability } from '../../../src/db/answered.ts';
import { FaultsMet } from '../../../src/db/faults-met.ts';
import { retried } from '../../../src/db/retried.ts';
import { onWire, wordOf } from '../../../src/db/word.ts';
import { errors, GatewayError } from '../../../src/domain/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const said = (code: string, message = 'in whatever language', more: object = {}): pg.DatabaseError =>
  Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code, severity: 'ERROR', ...more });

const answerTo = (error: unknown, fields: unknown = {}): GatewayError => {
  const answer = answerOf(error, fields);
  assert.ok(answer instanceof GatewayError);
  return answer;
};

const states: readonly [code: string, RegExp][] = [
  ['08006', /not reachable/],
  ['25006', /read-only: it is a standby, or default_transaction_read_only is on/],
  ['25P03', /idle/],
  ['28P01', /does not let the gateway in: .*pg_hba/],
  ['28000', /does not let the gateway in/],
  ['3D000', /database\.url names does not exist/],
  ['3F000', /schema/],
  ['40001', /Others are changing the same rows/],
  ['40P01', /Others are changing the same rows/],
  ['42501', /lacks a right/],
  ['42P01', /lacks a table/],
  ['42703', /lacks a column/],
  ['53100', /disk of the database is full/],
  ['53200', /lacks memory/],
  ['53300', /no further connection/],
  ['55P03', /locked: end that transaction/],
  ['55000', /not in a state/],
  ['57014', /took too long/],
  ['57P01', /not reachable/],
  ['57P03', /not reachable/],
  ['58030', /files/],
  ['XX001', /fault of its own/],
];

for (const [code, sentence] of states) {
  test(`${code} is the server's state: 503 with a sentence, and nothing of the statement`, async () => {
    const error = answerTo(said(code, 'secret: SELECT * FROM x WHERE key = tok_secret'));
    assert.deepEqual([error.code, error.retryAfterSec], ['unavailable', 1]);
    assert.match(error.message, sentence);
    assert.match(error.message, /^[A-Z].*\.$/);
    assert.doesNotMatch(error.message, /secret|SELECT \*/);
    assert.notEqual(unavailability(said(code)), null);
  });
}

test('a table is named if the server’s message names it, in any language', async () => {
  assert.match(answerTo(said('42501', 'keine Berechtigung für Tabelle users')).message, /a right on users: /);
  assert.match(answerTo(said('42P01', 'Relation »api_keys« existiert nicht')).message, /no table api_keys/);
  assert.match(answerTo(said('42501', 'permission denied for sequence users_id_seq')).message, /lacks a right: /);
});

test('a row that its table refuses is a conflict', async () => {
  const error = answerTo(said('23514', '', { table: 'users', constraint: 'no_robots' }));
  assert.deepEqual(
    [error.code, error.message],
    ['conflict', 'The database refuses this: the table users does not allow such a row (no_robots).'],
  );
  assert.equal(answerTo(said('P0001', 'not on Sundays')).code, 'conflict');
});

const latin1 = 'character with byte sequence 0xe7 0xa0 0x94 in encoding "UTF8" has no equivalent in encoding "LATIN1"';

test('a text that the database cannot hold is a fault of its field', async () => {
  const fields = { pattern: 'tok_a*', scopes: ['plain'], tenant_name: 'a 研 b' };
  const error = answerTo(said('22P05', latin1), fields);
  assert.deepEqual([error.code, error.param], ['invalid_request', 'tenant_name']);
  assert.equal(error.message, 'tenant_name holds "研", which the database cannot store (its encoding is LATIN1).');
  const german = latin1.replaceAll('"UTF8"', '»UTF8«').replaceAll('"LATIN1"', '»LATIN1«');
  assert.equal(answerTo(said('22P05', german), fields).message, error.message);
  const rows = { mappings: [{ pattern: 'x' }, { pattern: 'y', description: '研' }] };
  assert.equal(answerTo(said('22P05', latin1), rows).param, 'mappings[1].description');
  const long = answerTo(said('22001', 'value too long for type character varying(5)'), {
    email: 'a@b',
    name: 'longer',
  });
  assert.deepEqual([long.param, long.message], ['name', 'name is longer than its column, which holds 5 characters.']);
  assert.deepEqual(
    [answerTo(said('22P05', latin1), {}).param, answerTo(said('22007')).code],
    [null, 'invalid_request'],
  );
});

test('a search for such a text finds nothing', async () => {
  assert.deepEqual(await sought(Promise.reject(said('22P05', latin1)), []), []);
  await assert.rejects(sought(Promise.reject(said('53100')), []), { code: '53100' });
});

test('faults of ours pass unchanged', async () => {
  for (const error of [new TypeError('x'), new RangeError('x'), said('42601', 'syntax error'), said('23505')]) {
    assert.equal(wordOf(error), null);
    assert.equal(answerOf(error, {}), error);
  }
  const conflict = errors.conflict('taken');
  assert.equal(answerOf(conflict, {}), conflict);
});

test("an error without a class is the database's only if a connection met it", async () => {
  const fault = new Error('there is no pool x');
  assert.equal(answerOf(fault, {}), fault);
  const broken = new Error('Connection terminated unexpectedly');
  await assert.rejects(
    onWire(() => Promise.reject(broken)),
    broken,
  );
  assert.deepEqual(
    [answerTo(broken).code, answerTo(broken).message],
    ['unavailable', 'The database is not reachable at the moment.'],
  );
});

test('bytes of a file are not reported as a field', () => {
  const error = answerTo(said('22P05', latin1), { format: 'json', bytes: Buffer.from('研') });
  assert.equal(error.param, null);
});

test('a transaction that conflicted with another one runs again, three times at most', async () => {
  for (const code of ['40001', '40P01']) {
    let runs = 0;
    const work = () => (++runs < 3 ? Promise.reject(said(code)) : Promise.resolve('done'));
    assert.deepEqual([await retried(work), runs], ['done', 3]);
    runs = Number.NEGATIVE_INFINITY;
    let tries = 0;
    await assert.rejects(
      retried(() => {
        tries++;
        return Promise.reject(said(code));
      }),
      { code },
    );
    assert.equal(tries, 3);
  }
  let once = 0;
  await assert.rejects(
    retried(async () => {
      once++;
      throw said('55P03');
    }),
    { code: '55P03' },
  );
  assert.equal(once, 1);
});

test('faults that statements meet are logged once a minute per reason and remembered until they are over', () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const met = new FaultsMet(clock, { warn: line => log.push(line) });
  for (let second = 0; second < 59; second++) {
    met.note(said('53100', 'could not extend file'), ['write']);
    clock.advance(1_000);
  }
  assert.equal(log.length, 1);
  assert.match(log[0] ?? '', /^Database: The disk of the database is full: make room there\. \(53100 could not extend/);
  assert.deepEqual(met.reasons(), ['The disk of the database is full']);
  met.worked('read');
  assert.equal(met.reasons().length, 1, 'that reading works tells nothing of writing');
  met.worked('write');
  assert.deepEqual(met.reasons(), []);
  clock.advance(1_000);
  met.note(said('53100'), ['write']);
  assert.equal(log.length, 2);
  clock.advance(10_001);
  assert.deepEqual(met.reasons(), [], 'nobody has met it for a while');
  met.note(said('42501', 'permission denied for table users'), ['read']);
  met.worked('read');
  assert.deepEqual(met.reasons(), ['The database role lacks a right on users'], 'another table works');
  met.note(said('22P05', latin1), ['write']);
  met.note(new TypeError('x'), ['write']);
  assert.equal(met.reasons().length, 1);
});
