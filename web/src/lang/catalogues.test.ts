import { expect, test } from 'vitest';

import { de } from './de';
import { en } from './en';
import { nl } from './nl';
import * as begin from './pages/begin';
import * as broken from './pages/broken';
import * as local from './pages/local';
import * as refusals from './pages/refusals';
import * as settings from './pages/settings';
import * as status from './pages/status';

type Texts = Readonly<Record<string, string | { one: string; other: string }>>;
const SETS: Record<string, { en: Texts; de: Texts; nl: Texts }> = { first: { en, de, nl }, begin, broken, local, refusals, settings, status };

const texts = (message: string | { one: string; other: string }) => (typeof message === 'string' ? [message] : [message.one, message.other]);
const slots = (message: string | { one: string; other: string }) => [...new Set(texts(message).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

// Keys are held by the type check. Slots are not: a slot without a value would show as nothing.
test.each(Object.entries(SETS).flatMap(([name, set]) => [[name, 'de', set.en, set.de], [name, 'nl', set.en, set.nl]] as [string, string, Texts, Texts][]))('%s in %s has the slots of English in every message', (_name, _language, english, other) => {
  const differing = Object.keys(english).filter((key) => slots(other[key] ?? '').filter((slot) => slot !== '{n}').join() !== slots(english[key] ?? '').filter((slot) => slot !== '{n}').join());
  expect(differing).toEqual([]);
});

test('nobody shouts', () => {
  const all = Object.values(SETS).flatMap((set) => [set.en, set.de, set.nl]).flatMap((catalogue) => Object.values(catalogue).flatMap(texts));
  expect(all.filter((text) => text.includes('!'))).toEqual([]);
});
