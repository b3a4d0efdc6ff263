import { expect, test } from 'vitest';

import { moreLists, shownLists, withList } from './profiles';

const LISTS = [
  { name: 'apple', group: 'catalogue' },
  { name: 'xiaomi', group: 'catalogue' },
  { name: 'ads', group: 'ads' },
];

test('a directory of lists has one line, and so has a list in it that is spoken of', () => {
  expect(shownLists(LISTS, { lists: {} })).toEqual(['catalogue', 'ads']);
  expect(shownLists(LISTS, { lists: { xiaomi: 'off' } })).toEqual(['catalogue', 'ads', 'xiaomi']);
  expect(moreLists(LISTS, { lists: { xiaomi: 'off' } })).toEqual(['apple']);
});

test('what a list does by itself is not said', () => {
  expect(withList({ ads: 'off' }, 'xiaomi', 'watch')).toEqual({ ads: 'off', xiaomi: 'watch' });
  expect(withList({ ads: 'off', xiaomi: 'watch' }, 'ads', 'itself')).toEqual({ xiaomi: 'watch' });
});
