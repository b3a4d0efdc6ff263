import { expect, test } from 'vitest';

import { visible } from './visible';

test('plain names stay as they are, in any script', () => {
  for (const name of ['data.mistat.intl.xiaomi.com', 'Küche', 'телефон', '客厅电视', 'هاتف', '<b>a&b</b>', '👩‍🍳'.replace('\u200d', '')]) {
    expect(visible(name)).toBe(name);
  }
});

test('what cannot be seen, or turns the direction, is spelled out', () => {
  expect(visible('printer\u202Egnp.exe')).toBe('printer\\u{202E}gnp.exe');
  expect(visible('a\u0000b\nc\u200Bd\u2066e\uFEFF')).toBe('a\\u{0}b\\u{A}c\\u{200B}d\\u{2066}e\\u{FEFF}');
});
