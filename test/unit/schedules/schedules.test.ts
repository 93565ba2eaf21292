import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill/implementation';
import { overlaps } from '../../../src/schedules/overlap.ts';
import { parseRule, type Rule, weekdayNames } from '../../../src/schedules/rule.ts';
import { stateAt, windowsBetween } from '../../../src/schedules/windows.ts';

function rule(weekdays: string, start_time: string, end_time: string, zone: string): Rule {
  const parsed = parseRule({ weekdays, start_time, end_time, zone });
  if ('field' in parsed) throw new Error(`${parsed.field} must be ${parsed.allowed}`);
  return parsed;
}

const ms = (text: string) => Date.parse(text);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const shown = (found: readonly { start: number; end: number }[]) =>
  found.map(({ start, end }) => [new Date(start).toISOString(), new Date(end).toISOString()]);
const windows = (one: Rule, from: string, until: string) => shown(windowsBetween(one, ms(from), ms(until)));

test('a window belongs to the day on which it begins: that of Friday evening ends on Saturday', () => {
  const nights = rule('mon,tue,wed,thu,fri', '18:00', '08:00', 'Asia/Singapore');
  // 2026-11-27 is a Friday; Singapore is eight hours ahead.
  assert.deepEqual(windows(nights, '2026-11-27T09:00:00Z', '2026-11-30T09:00:00Z'), [
    ['2026-11-27T10:00:00.000Z', '2026-11-28T00:00:00.000Z'],
  ]);
  assert.deepEqual(stateAt(nights, ms('2026-11-27T23:59:59.999Z')), {
    isOpen: true,
    until: ms('2026-11-28T00:00:00Z'),
  });
  assert.deepEqual(stateAt(nights, ms('2026-11-28T00:00:00Z')), { isOpen: false, until: ms('2026-11-30T10:00:00Z') });
});

test('an end that is the start makes a whole day, and days that follow each other leave no moment out', () => {
  const always = rule(weekdayNames.join(','), '00:00', '00:00', 'America/New_York');
  const year = windowsBetween(always, ms('2026-01-01T05:00:00Z'), ms('2027-01-01T05:00:00Z'));
  assert.equal(year.length, 365);
  for (const [at, { start }] of year.entries()) if (at > 0) assert.equal(start, year[at - 1]?.end);
});

test('when the clocks go forward a window over the change is an hour shorter, and one within the lost hour is left out', () => {
  // New York, 2026-03-08: after 01:59 comes 03:00 (07:00 UTC).
  const day = ['2026-03-08T05:00:00Z', '2026-03-08T12:00:00Z'] as const;
  const on = (start: string, end: string) => windows(rule('sun', start, end, 'America/New_York'), ...day);
  assert.deepEqual(on('01:00', '04:00'), [['2026-03-08T06:00:00.000Z', '2026-03-08T08:00:00.000Z']]);
  assert.deepEqual(on('02:30', '04:00'), [['2026-03-08T07:00:00.000Z', '2026-03-08T08:00:00.000Z']]);
  assert.deepEqual(on('01:00', '02:30'), [['2026-03-08T06:00:00.000Z', '2026-03-08T07:00:00.000Z']]);
  assert.deepEqual(on('02:10', '02:50'), []);
  const night = rule('sat', '22:00', '06:00', 'America/New_York');
  assert.deepEqual(windows(night, ...day), [['2026-03-08T03:00:00.000Z', '2026-03-08T10:00:00.000Z']]);
});

test('when the clocks go back a window over the change is an hour longer, and of a repeated time the first counts', () => {
  // New York, 2026-11-01: after 01:59 comes 01:00 again (06:00 UTC).
  const day = ['2026-11-01T04:00:00Z', '2026-11-01T12:00:00Z'] as const;
  const on = (start: string, end: string) => windows(rule('sun', start, end, 'America/New_York'), ...day);
  assert.deepEqual(on('00:30', '03:00'), [['2026-11-01T04:30:00.000Z', '2026-11-01T08:00:00.000Z']]);
  assert.deepEqual(on('01:30', '03:00'), [['2026-11-01T05:30:00.000Z', '2026-11-01T08:00:00.000Z']]);
  assert.deepEqual(on('00:30', '01:30'), [['2026-11-01T04:30:00.000Z', '2026-11-01T05:30:00.000Z']]);
  assert.deepEqual(on('01:10', '01:50'), [['2026-11-01T05:10:00.000Z', '2026-11-01T05:50:00.000Z']]);
});

const zones = [
  'UTC',
  'Asia/Singapore',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/Santiago',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'America/St_Johns',
];
const twoDigits = (value: number) => String(value).padStart(2, '0');
const timeOf = fc.integer({ min: 0, max: 1_439 }).map(at => `${twoDigits(Math.floor(at / 60))}:${twoDigits(at % 60)}`);
const anyRule = (zone: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.subarray([...weekdayNames], { minLength: 1 }), timeOf, timeOf, zone)
    .map(([days, start, end, name]) => rule(days.join(','), start, end, name));

/** The first moment at which clocks show this time or a later one, by another library's zones and calendar. */
function oracle(date: Temporal.PlainDate, time: string, zone: string): number {
  const wanted = date.toPlainDateTime(Temporal.PlainTime.from(time));
  const earlier = wanted.toZonedDateTime(zone, { disambiguation: 'earlier' });
  if (earlier.toPlainDateTime().equals(wanted)) return earlier.epochMilliseconds;
  const change = earlier.getTimeZoneTransition('next');
  return change?.epochMilliseconds ?? Number.NaN;
}

test('the windows of every zone are those that another library finds day by day', () => {
  const from = fc.integer({ min: ms('2024-01-01T00:00:00Z'), max: ms('2030-01-01T00:00:00Z') });
  fc.assert(
    fc.property(anyRule(fc.constantFrom(...zones)), from, (one, start) => {
      const until = start + 20 * dayMs;
      const expected = [];
      const first = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(one.zone.name).toPlainDate();
      const clock = (minutes: number) => `${twoDigits(Math.floor((minutes % 1_440) / 60))}:${twoDigits(minutes % 60)}`;
      for (let day = -2; day <= 21; day++) {
        const date = first.add({ days: day });
        if (!one.days.has(date.dayOfWeek - 1)) continue;
        const window = {
          start: oracle(date, clock(one.start), one.zone.name),
          end: oracle(date.add({ days: one.end >= 1_440 ? 1 : 0 }), clock(one.end), one.zone.name),
        };
        if (window.start < window.end && window.end > start && window.start < until) expected.push(window);
      }
      assert.deepEqual(shown(windowsBetween(one, start, until)), shown(expected));
    }),
    { numRuns: 150 },
  );
});

test('two rules overlap exactly if some of their windows do, in one zone or in two', () => {
  const now = ms('2026-11-23T00:00:00Z');
  let overlapping = 0;
  fc.assert(
    fc.property(
      anyRule(fc.constantFrom(...zones.slice(0, 5))),
      anyRule(fc.constantFrom(...zones.slice(0, 5))),
      (a, b) => {
        const span = [now, now + 3 * 366 * dayMs] as const;
        const others = windowsBetween(b, ...span);
        let at = 0;
        const found = windowsBetween(a, ...span).some(({ start, end }) => {
          while ((others[at]?.end ?? Number.POSITIVE_INFINITY) <= start) at++;
          return (others[at]?.start ?? Number.POSITIVE_INFINITY) < end && (others[at]?.end ?? 0) > now;
        });
        if (found) overlapping++;
        assert.equal(overlaps(a, b, now), found);
        assert.equal(overlaps(b, a, now), found);
      },
    ),
    { numRuns: 200 },
  );
  assert.ok(overlapping > 20);
});

const apart: [Rule, Rule, boolean][] = [
  // Across midnight, and across the end of the week.
  [rule('fri', '18:00', '08:00', 'UTC'), rule('sat', '07:59', '09:00', 'UTC'), true],
  [rule('fri', '18:00', '08:00', 'UTC'), rule('sat', '08:00', '09:00', 'UTC'), false],
  [rule('sun', '22:00', '06:00', 'UTC'), rule('mon', '05:00', '07:00', 'UTC'), true],
  [rule('sun', '22:00', '06:00', 'UTC'), rule('mon', '06:00', '07:00', 'UTC'), false],
  [rule('mon', '00:00', '00:00', 'UTC'), rule('tue', '00:00', '00:00', 'UTC'), false],
  [rule('mon', '09:00', '10:00', 'UTC'), rule('mon', '09:00', '10:00', 'UTC'), true],
  // 18:00 in Singapore is 10:00 in UTC.
  [rule('mon', '18:00', '19:00', 'Asia/Singapore'), rule('mon', '10:30', '12:00', 'UTC'), true],
  [rule('mon', '18:00', '19:00', 'Asia/Singapore'), rule('mon', '11:00', '12:00', 'UTC'), false],
  // New York and Berlin are six hours apart, but five in the weeks between their changes.
  [rule('mon', '09:00', '10:00', 'America/New_York'), rule('mon', '14:00', '15:00', 'Europe/Berlin'), true],
  [rule('mon', '09:00', '10:00', 'America/New_York'), rule('mon', '16:00', '17:00', 'Europe/Berlin'), false],
];

test('overlaps are found across midnight, across the end of the week and between zones that change on other days', () => {
  for (const [a, b, expected] of apart) {
    const text = `${[...a.days]} ${a.start}-${a.end} ${a.zone.name} / ${[...b.days]} ${b.start}-${b.end} ${b.zone.name}`;
    assert.equal(overlaps(a, b, ms('2026-06-01T00:00:00Z')), expected, text);
    assert.equal(overlaps(b, a, ms('2026-06-01T00:00:00Z')), expected, text);
  }
});

test('an invalid rule is refused with the faulty field', () => {
  const sound = { weekdays: 'mon', start_time: '09:00', end_time: '10:00', zone: 'UTC' };
  const cases: [Partial<typeof sound>, string][] = [
    [{ weekdays: '' }, 'weekdays'],
    [{ weekdays: 'mon,mon' }, 'weekdays'],
    [{ weekdays: 'monday' }, 'weekdays'],
    [{ start_time: '9:00' }, 'start'],
    [{ start_time: '24:00' }, 'start'],
    [{ end_time: '10:60' }, 'end'],
    [{ end_time: '' }, 'end'],
    [{ zone: '+08:00' }, 'zone'],
    [{ zone: 'Mars/Olympus' }, 'zone'],
    [{ zone: '' }, 'zone'],
  ];
  for (const [fault, field] of cases) {
    const parsed = parseRule({ ...sound, ...fault });
    assert.equal('field' in parsed ? parsed.field : null, field, JSON.stringify(fault));
  }
});
