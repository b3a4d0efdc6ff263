import { expect, test, vi } from 'vitest';

import { hourName } from './format';

const viewer = vi.hoisted(() => ({ locale: '' }));
vi.mock('./lang.svelte', () => ({ locale: () => viewer.locale }));

test('midnight is as long as every other hour, where a day has 24 of them', () => {
  for (const locale of ['en-GB', 'de-DE', 'nl-NL']) {
    viewer.locale = locale;
    expect([hourName(0), hourName(6), hourName(14)], locale).toEqual(['00:00', '06:00', '14:00']);
  }
});

test('where a day has twelve hours twice, none begins with a nought', () => {
  viewer.locale = 'en-US';
  expect(hourName(0)).toMatch(/^12:00\sAM$/);
  expect(hourName(6)).toMatch(/^6:00\sAM$/);
  expect(hourName(14)).toMatch(/^2:00\sPM$/);
});
