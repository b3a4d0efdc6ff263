import { expect, test } from 'vitest';

import { trend } from './comparing';

test('a count is new, more, less or about the same', () => {
  const kinds = [[5, 0], [0, 0], [112, 100], [104, 100], [50, 100], [0, 100]].map(([now = 0, before = 0]) => trend(now, before).kind);
  expect(kinds).toEqual(['new', 'same', 'more', 'same', 'less', 'less']);
  expect(trend(112, 100).share).toBeCloseTo(0.12);
});
