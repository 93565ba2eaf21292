import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { httpDateMs } from '../../../src/upstreams/answer/http-date.ts';
import { retryAfterMs } from '../../../src/upstreams/answer/retry-after.ts';

const now = new Date(Date.UTC(2026, 0, 1, 12));
const read = (text: string) => httpDateMs(text, now);

/** Runs with this time zone of the process. */
function inZone<T>(zone: string, run: () => T): T {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (figure: number) => String(figure).padStart(2, '0');

/** One moment in every format that servers use. */
function formsOf(at: Date): string[] {
  const day = days[at.getUTCDay()] ?? '';
  const month = months[at.getUTCMonth()] ?? '';
  const [date, year] = [at.getUTCDate(), at.getUTCFullYear()];
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
  const short = day.slice(0, 3);
  return [
    `${short}, ${two(date)} ${month} ${year} ${time} GMT`,
    `${short}, ${date} ${month} ${year} ${time} UT`,
    `${short}, ${two(date)} ${month} ${year} ${time}`,
    `${short}, ${two(date)} ${month} ${year} ${time} +0000`,
    `${short}, ${two(date)}-${month}-${year} ${time} GMT`,
    `${day}, ${two(date)}-${month}-${two(year % 100)} ${time} GMT`,
    `${day}, ${two(date)}-${month}-${two(year % 100)} ${time} Z`,
    `${short} ${month} ${String(date).padStart(2)} ${time} ${year}`,
    `${short} ${month} ${String(date).padStart(2)} ${time} UTC ${year}`,
  ].flatMap(form => [form, form.toLowerCase()]);
}

test('every form of a date is the same moment, whatever time zone this machine is in', () => {
  const zones = fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati', 'Europe/London');
  // A two-digit year covers 49 years before to 50 after.
  const moments = fc.date({ min: new Date('1980-01-01Z'), max: new Date('2070-01-01Z'), noInvalidDate: true });
  fc.assert(
    fc.property(zones, moments, (zone, drawn) => {
      const at = new Date(Math.floor(drawn.getTime() / 1000) * 1000);
      inZone(zone, () => {
        for (const form of formsOf(at)) assert.equal(read(form), at.getTime(), `${form} in ${zone}`);
      });
    }),
  );
});

test('Retry-After is read as UTC if it has no zone, and so is the date of the answer', () => {
  inZone('America/New_York', () => {
    assert.equal(retryAfterMs({ 'retry-after': 'Thu Jan  1 12:00:30 2026' }, now), 30_000);
    assert.equal(
      retryAfterMs({ date: 'Thu Jan  1 13:00:00 2026', 'retry-after': 'Thursday, 01-Jan-26 13:00:05 GMT' }, now),
      5_000,
    );
  });
});

test('zones are read as in mail: offsets and known names, any other name as UTC', () => {
  const noon = now.getTime();
  const hour = 3_600_000;
  assert.equal(read('Thu, 01 Jan 2026 12:00:00 EST'), noon + 5 * hour);
  assert.equal(read('Thu, 01 Jan 2026 12:00:00 -0530'), noon + 5.5 * hour);
  assert.equal(read('Thu, 01 Jan 2026 12:00:00 +0200'), noon - 2 * hour);
  assert.equal(read('Thu, 01 Jan 2026 12:00:00 XYZ'), noon);
});

test('a two-digit year is never more than fifty years ahead, and a leap second is accepted', () => {
  assert.equal(read('Sunday, 06-Nov-94 08:49:37 GMT'), Date.UTC(1994, 10, 6, 8, 49, 37));
  assert.equal(read('Friday, 01-Jan-76 00:00:00 GMT'), Date.UTC(2076, 0, 1));
  assert.equal(read('Saturday, 01-Jan-77 00:00:00 GMT'), Date.UTC(1977, 0, 1));
  assert.equal(read('Sat, 31 Dec 2016 23:59:60 GMT'), Date.UTC(2017, 0, 1));
});

test('a text that is not a date is ignored, and any text is read in bounded time', () => {
  for (const text of [
    '',
    'Mon, nonsense',
    '2026-01-01',
    '2026-01-01T12:00:00Z',
    'Mon, 31 Feb 2026 00:00:00 GMT',
    'Mon, 01 Foo 2026 00:00:00 GMT',
    'Mon, 01 Jan 2026 24:00:00 GMT',
    'Mon, 01 Jan 2026 12:60:00 GMT',
    'Mon, 01 Jan 2026 12:00:61 GMT',
    'Mon, 01 Jan 2026 12 GMT',
    `Mon, 01 Jan 2026 12:00:00 ${'G'.repeat(60)}`,
  ])
    assert.equal(read(text), null, text);
  fc.assert(fc.property(fc.string(), text => read(text) === null || Number.isFinite(read(text))));
});
