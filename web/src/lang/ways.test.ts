import { expect, test } from 'vitest';

import { LANGUAGES } from './lang.svelte';
import { KINDS, waysIn } from './ways';

test('every language tells every kind of device in as many steps, with the address in them', () => {
  for (const kind of KINDS) {
    const steps = LANGUAGES.map((language) => waysIn(language)[kind].steps);
    expect(new Set(steps.map((one) => one.length)).size, kind).toBe(1);
    for (const one of steps) expect(one.join(' '), kind).toContain('{address}');
  }
});
