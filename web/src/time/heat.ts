import type { HourCounts } from '../api/types';
import { asked } from '../api/types';

/** One weekday at one hour. */
export interface Cell {
  /** Questions, all weeks of the span together. */
  sum: number;
  /** How often this hour of the week lies in the span. */
  times: number;
}

export interface HeatRow {
  /** 0 is Sunday, as in Date. */
  weekday: number;
  /** By hour of the day. */
  cells: Cell[];
}

/** Levels above nothing. */
export const TINTS = 5;

/** Seven rows of 24 hours in the viewer's zone, beginning with `firstDay` (0 is Sunday). */
export function heatOf(hours: readonly HourCounts[], firstDay: number): HeatRow[] {
  const rows = Array.from({ length: 7 }, (_, weekday) => ({
    weekday,
    cells: Array.from({ length: 24 }, () => ({ sum: 0, times: 0 })),
  }));
  for (const hour of hours) {
    const at = new Date(hour.hour);
    const cell = rows[at.getDay()]?.cells[at.getHours()];
    if (!cell) continue;
    cell.sum += asked(hour);
    cell.times += 1;
  }
  return [...rows.slice(firstDay), ...rows.slice(0, firstDay)];
}

/** The mean of one hour, 0 where the span does not hold it. */
export function mean(cell: Cell): number {
  return cell.times === 0 ? 0 : cell.sum / cell.times;
}

/**
 * 0 for nothing, else 1 to {@link TINTS}. Less than proportional, so that a lively evening does not wash out the faint
 * ticking at night, which is what the map is for.
 */
export function tint(value: number, max: number): number {
  if (value <= 0 || max <= 0) return 0;
  return Math.min(TINTS, Math.max(1, Math.ceil(TINTS * (value / max) ** 0.75)));
}
