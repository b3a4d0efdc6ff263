import { expect, test } from 'vitest';

import { learn, productWord, told } from './label.svelte';

test('the catalogue speaks the language of the page', async () => {
  await learn('de');
  expect(told('You cannot sign in.')).toEqual({ text: 'Du kannst dich nicht anmelden.', lang: 'de' });
  await learn('nl');
  expect(told('You cannot sign in.')).toEqual({ text: 'Je kunt niet inloggen.', lang: 'nl' });
  await learn('en');
  expect(told('You cannot sign in.')).toEqual({ text: 'You cannot sign in.', lang: 'en' });
});

test('the last language wished for wins, whichever table comes first', async () => {
  const both = [learn('de'), learn('en')];
  await Promise.all(both);
  expect(told('You cannot sign in.').lang).toBe('en');
});

test('a text of your own catalogue stays as it is written, and says so', async () => {
  await learn('de');
  expect(told('The cat flap stays shut.')).toEqual({ text: 'The cat flap stays shut.', lang: 'en' });
  // Words that every object knows are no texts of a table.
  expect(told('constructor')).toEqual({ text: 'constructor', lang: 'en' });
});

test('a product that is described is translated, a proper name is not', async () => {
  await learn('de');
  expect(productWord('Huawei location survey')).toBe('Standorterhebung von Huawei');
  expect(productWord('MiStat')).toBe('MiStat');
});
