import { expect, test } from 'vitest';

import type { Candidate } from './api/types';
import { next, reasons, spanFor } from './mending';

const at = (text: string) => new Date(text).getTime();
const NOW = at('2026-11-21T14:35:00');
const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({ name, last: NOW, tries: 1, hours_before: 0, list: 'noise', alias: null, label: null, signs: [], ...more });

test('just now is the last quarter of an hour, today begins at midnight', () => {
  expect(spanFor('now', '', NOW)).toEqual({ from: at('2026-11-21T14:20:00'), to: NOW });
  expect(spanFor('today', '', NOW)).toEqual({ from: at('2026-11-21T00:00:00'), to: NOW });
});

test('a time is looked at with what lies around it, and never in the future', () => {
  expect(spanFor('at', '09:30', NOW)).toEqual({ from: at('2026-11-21T09:15:00'), to: at('2026-11-21T09:35:00') });
  expect(spanFor('at', '14:33', NOW)).toEqual({ from: at('2026-11-21T14:18:00'), to: NOW });
  expect(spanFor('at', '23:30', NOW)?.from).toBe(at('2026-11-20T23:15:00'));
});

test('what is no time is none', () => {
  for (const text of ['', 'noon', '24:00', '9:5', '12:60', '1:30 ']) expect(spanFor('at', text, NOW)).toBeUndefined();
});

test('each sign is a reason, and a name without any was muted', () => {
  expect(reasons(candidate('a.test'), NOW)).toHaveLength(1);
  expect(reasons(candidate('a.test', { signs: ['first', 'retried', 'recent'] }), NOW)).toHaveLength(3);
  expect(reasons(candidate('a.test', { signs: ['rare'], list: 'own' }), NOW)).toHaveLength(3);
});

test('what was tried is not offered again', () => {
  const both = [candidate('a.test'), candidate('b.test')];
  expect(next(both, new Set())?.name).toBe('a.test');
  expect(next(both, new Set(['a.test']))?.name).toBe('b.test');
  expect(next(both, new Set(['a.test', 'b.test']))).toBeUndefined();
});
