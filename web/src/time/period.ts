import type { Counts, HourCounts } from '../api/types';

export const PERIODS = ['24h', '7d', '30d'] as const;
export type Period = (typeof PERIODS)[number];

export interface Span {
  from: number;
  to: number;
}

/** One column of the chart. */
export interface Bucket extends Span {
  counts: Counts;
}

const HOUR = 3_600_000;
const DAYS: Record<Period, number> = { '24h': 1, '7d': 7, '30d': 30 };
const STEP_HOURS: Record<Period, number> = { '24h': 1, '7d': 3, '30d': 24 };

export function isPeriod(text: string | null): text is Period {
  return PERIODS.some((period) => period === text);
}

/**
 * The span that ends with `now`. Days are whole calendar days of the viewer, today included, so that a weekday is
 * never counted in two halves; "24 h" is the running hour and the 23 before it.
 */
export function spanOf(period: Period, now: number): Span {
  const start = new Date(now);
  if (period === '24h') {
    start.setMinutes(0, 0, 0);
    return { from: start.getTime() - 23 * HOUR, to: now };
  }
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - (DAYS[period] - 1));
  return { from: start.getTime(), to: now };
}

/** The hours from midnight to six that began last, as far as they are over; night is what the server counts as such. */
export function lastNight(now: number): Span {
  const start = new Date(now);
  start.setHours(0, 0, 0, 0);
  const end = new Date(start);
  end.setHours(6);
  return { from: start.getTime(), to: Math.min(end.getTime(), now) };
}

/** Sums hours into columns that begin on round hours of the viewer's day, also where the clock was changed. */
export function bucketsOf(period: Period, hours: readonly HourCounts[]): Bucket[] {
  const step = STEP_HOURS[period];
  const buckets = new Map<number, Bucket>();
  for (const hour of hours) {
    const from = step === 1 ? hour.hour : roundDown(hour.hour, step);
    const bucket = buckets.get(from) ?? { from, to: from, counts: { passed: 0, watched: 0, muted: 0, allowed: 0 } };
    bucket.to = step === 1 ? from + HOUR : roundDown(from, step, 1);
    bucket.counts.passed += hour.passed;
    bucket.counts.watched += hour.watched;
    bucket.counts.muted += hour.muted;
    bucket.counts.allowed += hour.allowed;
    buckets.set(from, bucket);
  }
  return [...buckets.values()].sort((a, b) => a.from - b.from);
}

function roundDown(at: number, step: number, further = 0): number {
  const day = new Date(at);
  const hour = Math.floor(day.getHours() / step) * step + further * step;
  return new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour).getTime();
}

/** Minutes the viewer's clock is ahead of UTC at `at`. */
export function offsetMinutes(at: number): number {
  return -new Date(at).getTimezoneOffset();
}

/** At most five round values from 0 up, the last at or above `max`. */
export function ticksTo(max: number): number[] {
  if (max <= 0) return [0, 1];
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 2.5, 5, 10].find((m) => m * power >= rough && Number.isInteger(m * power)) ?? 10) * power);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < max) ticks.push((ticks.at(-1) ?? 0) + step);
  return ticks;
}
