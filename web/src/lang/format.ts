import { locale } from './lang.svelte';

/** Numbers and times as the viewer writes them. */

const kept = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function once<F extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(kind: string, make: (l: string) => F): F {
  const key = `${kind} ${locale()}`;
  const found = kept.get(key) ?? make(locale());
  kept.set(key, found);
  return found as F;
}

export const number = (n: number): string => once('n', (l) => new Intl.NumberFormat(l)).format(n);

/** A number short enough for an axis: 1.2K. */
export const short = (n: number): string =>
  once('short', (l) => new Intl.NumberFormat(l, { notation: 'compact', maximumFractionDigits: 1 })).format(n);

/** A share from 0 to 1. One that is not nothing is never shown as 0 %. */
export function percent(share: number): string {
  const digits = share > 0 && share < 0.01 ? 1 : 0;
  return once(`pc${digits}`, (l) => new Intl.NumberFormat(l, { style: 'percent', maximumFractionDigits: digits })).format(share);
}

const dates = (kind: string, options: Intl.DateTimeFormatOptions) => (at: number): string =>
  once(kind, (l) => new Intl.DateTimeFormat(l, options) as Intl.DateTimeFormat).format(at);

export const clockTime = dates('clock', { hour: '2-digit', minute: '2-digit' });
export const clockSeconds = dates('seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const weekday = dates('weekday', { weekday: 'short' });
export const day = dates('day', { day: 'numeric', month: 'short' });
export const weekdayDay = dates('weekdayDay', { weekday: 'short', day: 'numeric', month: 'short' });
export const dayTime = dates('dayTime', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
/** A day and a time as the clocks of `zone` show them; by the viewer's own where this browser does not know it. */
export function dayTimeIn(at: number, zone: string | null | undefined): string {
  const options: Intl.DateTimeFormatOptions = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
  const make = (l: string) => {
    try {
      return new Intl.DateTimeFormat(l, { ...options, ...(zone ? { timeZone: zone } : {}) });
    } catch {
      return new Intl.DateTimeFormat(l, options);
    }
  };
  return once(`dayTime in ${zone ?? ''}`, make).format(at);
}

export const full = dates('full', { dateStyle: 'full', timeStyle: 'medium' });

/** From one moment to another, as short as the language allows: "Tue, Nov 3, 14:00 – 15:00". */
export function range(from: number, to: number, wholeDays: boolean): string {
  if (wholeDays) return weekdayDay(from);
  const format = once('range', (l) => new Intl.DateTimeFormat(l, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }));
  return format.formatRange(from, to);
}

/** The name of a weekday, 0 being Sunday. */
export function weekdayName(weekday: number, length: 'short' | 'long'): string {
  // 2023-01-01 was a Sunday.
  return once(`wd${length}`, (l) => new Intl.DateTimeFormat(l, { weekday: length, timeZone: 'UTC' })).format(
    Date.UTC(2023, 0, 1 + weekday),
  );
}

/** An hour of the day: 14:00, or 2 PM where that is the habit. */
export function hourName(hour: number): string {
  const make = (l: string) => {
    const { hour12 } = new Intl.DateTimeFormat(l, { hour: 'numeric' }).resolvedOptions();
    return new Intl.DateTimeFormat(l, { hour: hour12 ? 'numeric' : '2-digit', minute: '2-digit', timeZone: 'UTC' });
  };
  return once('hour', make).format(Date.UTC(2023, 0, 1, hour));
}

/** Which weekday a week begins with here, 0 being Sunday. Monday where the browser does not know. */
export function firstDay(): number {
  const here = new Intl.Locale(locale()) as Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } };
  return (here.getWeekInfo?.().firstDay ?? here.weekInfo?.firstDay ?? 1) % 7;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "3 minutes ago"; a moment that is seconds away is "now". */
export function relative(at: number, now: number): string {
  const format = once('rel', (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto' }));
  const seconds = (at - now) / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 0];
  return size === 0 ? format.format(0, 'second') : format.format(Math.round(seconds / size), unit);
}

/** A duration in its largest sensible unit: "6 min", "2 hr". */
export function every(ms: number): string {
  const [unit, size] = ms < 90_000 ? ['second', 1000] : ms < 5_400_000 ? ['minute', 60_000] : ms < 172_800_000 ? ['hour', 3_600_000] : ['day', 86_400_000];
  return once(`every${unit}`, (l) => new Intl.NumberFormat(l, { style: 'unit', unit: String(unit), unitDisplay: 'long', maximumFractionDigits: 0 })).format(
    Math.max(1, Math.round(ms / Number(size))),
  );
}

/** How long an answer took, from microseconds. */
export function took(us: number): string {
  const digits = us < 9_950 ? 1 : 0;
  return once(`ms${digits}`, (l) => new Intl.NumberFormat(l, { style: 'unit', unit: 'millisecond', maximumFractionDigits: digits })).format(us / 1000);
}

export const milliseconds = (ms: number): string =>
  once('ms0', (l) => new Intl.NumberFormat(l, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 })).format(ms);

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

/** Bytes in powers of 1,000. */
export function bytes(n: number): string {
  const power = n < 1000 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(n) / 3));
  const unit = SIZES[power] ?? 'byte';
  return once(unit, (l) => new Intl.NumberFormat(l, { style: 'unit', unit, maximumFractionDigits: power === 0 ? 0 : 1 })).format(n / 1000 ** power);
}
