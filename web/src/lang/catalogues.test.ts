import { expect, test } from 'vitest';

import { de } from './de';
import { en } from './en';
import type { Catalogue } from './lang.svelte';
import { nl } from './nl';

const texts = (message: string | { one: string; other: string }) => (typeof message === 'string' ? [message] : [message.one, message.other]);
const slots = (message: string | { one: string; other: string }) => [...new Set(texts(message).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

// Keys are held by the type check. Slots are not: a slot without a value would show as nothing.
test.each([
  ['de', de],
  ['nl', nl],
] as [string, Catalogue][])('%s has the slots of English in every message', (_, catalogue) => {
  const differing = (Object.keys(en) as (keyof typeof en)[]).filter(
    (key) => slots(catalogue[key]).filter((slot) => slot !== '{n}').join() !== slots(en[key]).filter((slot) => slot !== '{n}').join(),
  );
  expect(differing).toEqual([]);
});

test('nobody shouts', () => {
  const all = [en, de, nl].flatMap((catalogue) => Object.values(catalogue).flatMap(texts));
  expect(all.filter((text) => text.includes('!'))).toEqual([]);
});
