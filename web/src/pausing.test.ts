import { expect, test } from 'vitest';

import { endOf } from './pausing';

const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime();

test('a pause until tomorrow ends in the morning that comes', () => {
  expect(endOf('tomorrow', at(2026, 10, 21, 20, 15))).toBe(at(2026, 10, 22, 6, 0));
  // Whoever is still up after midnight means the same morning.
  expect(endOf('tomorrow', at(2026, 10, 22, 0, 30))).toBe(at(2026, 10, 22, 6, 0));
  expect(endOf('tomorrow', at(2026, 11, 31, 6, 0))).toBe(at(2027, 0, 1, 6, 0));
});

test('the others end after what they say', () => {
  expect([endOf('10m', 1_000), endOf('1h', 1_000)]).toEqual([601_000, 3_601_000]);
});
