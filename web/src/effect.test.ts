import { expect, test } from 'vitest';

import type { WhatIfAnswer } from './api/types';
import { effect } from './effect';

const none = { names: 0, queries: 0 };
const nothing: WhatIfAnswer = {
  from: 0, to: 1, asked: none, beyond: 0, names: 0, queries: 0, muted: none, let_through: none, watched: none, already: none, kept: none, breaking: 0, devices: [], top: [],
};

// Without a language a message is its key.
function keys(answer: Partial<WhatIfAnswer>): string[] {
  const { main, more } = effect({ ...nothing, ...answer }, '7d');
  return [main, ...more].map((parts) => parts.map((part) => part.text).join(''));
}

test('what changes is said first, then what does not and why', () => {
  const some = { names: 2, queries: 9 };
  expect(keys({ muted: some, watched: some, already: some, kept: some, breaking: 1, beyond: 3 })).toEqual([
    'whatif.muted', 'whatif.watched', 'whatif.breaking', 'whatif.already', 'whatif.kept', 'whatif.beyond',
  ]);
  expect(keys({ let_through: some })).toEqual(['whatif.let']);
});

test('that nothing changes is not the same as that nobody asked', () => {
  expect(keys({ already: { names: 1, queries: 4 } })).toEqual(['whatif.nothing', 'whatif.already']);
  expect(keys({})).toEqual(['whatif.unasked']);
});
