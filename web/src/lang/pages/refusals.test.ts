import { beforeAll, expect, test, vi } from 'vitest';

import { Trouble } from '../../api/client';
import { inWords } from '../refusal';
import { speak } from '../lang.svelte';

const trouble = (kind: string, more: Trouble['more'] = {}) => new Trouble(409, 'In English.', null, kind, more);

beforeAll(async () => {
  vi.stubGlobal('document', { documentElement: {} });
  vi.stubGlobal('navigator', { languages: ['de-DE'] });
  vi.stubGlobal('localStorage', { setItem: () => undefined });
  await speak('de');
});

test('a refusal is told by its kind, with what it is about', async () => {
  expect(await inWords(trouble('/problems/taken', { name: 'Kinder' }))).toBe('\u2068Kinder\u2069 gibt es schon. Wähle einen anderen Namen.');
  expect(await inWords(trouble('/problems/too-many', { limit: 10_000 }))).toContain('schon 10.000,');
});

test('one of several reasons is told by itself, and one that is not known here by its kind', async () => {
  expect(await inWords(trouble('/problems/in-use', { what: 'rules', name: 'Kinder' }))).toContain('eigene Regeln');
  expect(await inWords(trouble('/problems/in-use', { what: 'printer' }))).toBe('Etwas anderes braucht es noch.');
});

test('what has no kind, or one that is not known here, is left to the server', async () => {
  expect(await inWords(trouble(''))).toBeUndefined();
  expect(await inWords(trouble('/problems/toString'))).toBeUndefined();
  expect(await inWords(trouble('/problems/of-next-year'))).toBeUndefined();
});

test('a name from outside shows what cannot be seen', async () => {
  expect(await inWords(trouble('/problems/taken', { name: 'a\u202eb' }))).not.toContain('\u202e');
});
