import { describe, expect, test } from 'vitest';

import { bucketsOf, isPeriod, lastNight, offsetMinutes, spanOf, ticksTo } from './period';

const HOUR = 3_600_000;
const at = (text: string) => new Date(text).getTime();

/** One question in every hour of a span. */
function hourly(from: number, to: number) {
  const hours = [];
  for (let hour = from; hour < to; hour += HOUR) hours.push({ hour, passed: 1, watched: 0, muted: 2, allowed: 0 });
  return hours;
}

describe('spans', () => {
  test('a day is the running hour and the 23 before it', () => {
    expect(spanOf('24h', at('2026-11-21T14:35:00'))).toEqual({ from: at('2026-11-20T15:00:00'), to: at('2026-11-21T14:35:00') });
  });

  test('the last night is that of today, as far as it is over', () => {
    expect(lastNight(at('2026-11-21T14:35:00'))).toEqual({ from: at('2026-11-21T00:00:00'), to: at('2026-11-21T06:00:00') });
    expect(lastNight(at('2026-11-21T02:10:00'))).toEqual({ from: at('2026-11-21T00:00:00'), to: at('2026-11-21T02:10:00') });
    // The clocks go back at three: the night has seven hours.
    expect(lastNight(at('2026-10-25T14:00:00'))).toEqual({ from: at('2026-10-25T00:00:00'), to: at('2026-10-25T06:00:00') });
  });

  test('a week is today and the six whole days before it', () => {
    expect(spanOf('7d', at('2026-11-21T14:35:00')).from).toBe(at('2026-11-15T00:00:00'));
  });

  test('a month that holds the end of summer time still begins at midnight', () => {
    expect(spanOf('30d', at('2026-11-10T12:00:00')).from).toBe(at('2026-10-12T00:00:00'));
  });

  test('only the periods there are, are periods', () => {
    expect([isPeriod('7d'), isPeriod('8d'), isPeriod(null)]).toEqual([true, false, false]);
  });
});

describe('columns', () => {
  test('a day has one for each hour', () => {
    const { from, to } = spanOf('24h', at('2026-11-21T14:35:00'));
    const buckets = bucketsOf('24h', hourly(from, to));
    expect(buckets).toHaveLength(24);
    expect(buckets[0]).toEqual({ from, to: from + HOUR, counts: { passed: 1, watched: 0, muted: 2, allowed: 0 } });
  });

  test('a week has one for each three hours, on round hours', () => {
    const buckets = bucketsOf('7d', hourly(at('2026-11-15T00:00:00'), at('2026-11-22T00:00:00')));
    expect(buckets).toHaveLength(56);
    expect(buckets[1]).toMatchObject({ from: at('2026-11-15T03:00:00'), to: at('2026-11-15T06:00:00'), counts: { passed: 3, muted: 6 } });
  });

  test('the day on which the clock is set back is one column of 25 hours', () => {
    const buckets = bucketsOf('30d', hourly(at('2026-10-24T00:00:00'), at('2026-10-27T00:00:00')));
    expect(buckets.map((bucket) => (bucket.to - bucket.from) / HOUR)).toEqual([24, 25, 24]);
    expect(buckets.map((bucket) => bucket.counts.passed)).toEqual([24, 25, 24]);
  });

  test('nothing is lost', () => {
    const hours = hourly(at('2026-03-20T00:00:00'), at('2026-04-02T00:00:00'));
    for (const period of ['24h', '7d', '30d'] as const) {
      expect(bucketsOf(period, hours).reduce((sum, bucket) => sum + bucket.counts.muted, 0)).toBe(2 * hours.length);
    }
  });
});

test('the offset is ahead of UTC, in summer by two hours', () => {
  expect([offsetMinutes(at('2026-07-01T12:00:00')), offsetMinutes(at('2026-12-01T12:00:00'))]).toEqual([120, 60]);
});

test('an axis has whole, evenly spaced values that reach its largest', () => {
  for (const max of [1, 3, 7, 10, 99, 101, 262, 4_321, 98_765, 1_000_000]) {
    const ticks = ticksTo(max);
    const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(max);
    expect(ticks.length).toBeLessThanOrEqual(6);
    expect(ticks.every((tick, n) => Number.isInteger(tick) && tick === n * step)).toBe(true);
  }
  expect(ticksTo(0)).toEqual([0, 1]);
});
