import { expect, test } from 'vitest';

import { heatOf, mean, tint } from './heat';

const asked = (text: string, muted: number) => ({ hour: new Date(text).getTime(), passed: 1, watched: 0, muted, allowed: 0 });

test('an hour lands on its weekday in the viewer’s zone', () => {
  // 23:00 UTC on Saturday is midnight on Sunday here.
  const rows = heatOf([asked('2026-11-21T23:00:00Z', 4)], 1);
  expect(rows.map((row) => row.weekday)).toEqual([1, 2, 3, 4, 5, 6, 0]);
  expect(rows[6]?.cells[0]).toEqual({ sum: 5, times: 1 });
  expect(rows.flatMap((row) => row.cells).filter((cell) => cell.times > 0)).toHaveLength(1);
});

test('weeks are averaged, and an hour outside the span is nothing', () => {
  const rows = heatOf([asked('2026-11-16T03:00:00', 9), asked('2026-11-09T03:00:00', 1)], 1);
  expect(rows[0]?.cells[3]).toEqual({ sum: 12, times: 2 });
  expect(mean(rows[0]?.cells[3] ?? { sum: 0, times: 0 })).toBe(6);
  expect(mean({ sum: 0, times: 0 })).toBe(0);
});

test('tints grow with the value, and anything at all is seen', () => {
  expect([0, 0.01, 50, 100].map((value) => tint(value, 100))).toEqual([0, 1, 3, 5]);
  expect(tint(3, 0)).toBe(0);
  for (let value = 1; value <= 100; value += 1) expect(tint(value, 100)).toBeGreaterThanOrEqual(tint(value - 1, 100));
});
