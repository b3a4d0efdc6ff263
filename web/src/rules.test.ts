import { expect, test } from 'vitest';

import type { RuleRow, Scope } from './api/types';
import { EXAMPLES, fieldOf, KINDS, madeOf, momentOf, scopeOf, whomOf } from './rules';

test('whom a rule is for survives a field', () => {
  const scopes: Scope[] = ['everyone', { device: 'mac-8c:79:f5:20:aa:10' }, { profile: 'kids: evening' }];
  expect(scopes.map((scope) => scopeOf(whomOf(scope)))).toEqual(scopes);
});

test('a moment survives a field to the minute, and half a moment is none', () => {
  const at = new Date(2026, 2, 9, 7, 5).getTime();
  expect(fieldOf(at + 59_999)).toBe('2026-03-09T07:05');
  expect(momentOf('2026-03-09T07:05')).toBe(at);
  expect(['', '2026-03-09', '2026-02-30T99:05'].map(momentOf)).toEqual([undefined, undefined, undefined]);
});

test('a rule is made again with all that was said of it', () => {
  const row: RuleRow = { id: 7, name: 'ads*.example', subtree: false, kind: 'wildcard', comment: 'since the update', action: 'block', scope: 'everyone', since: 1, until: 2, active: true, revision: '0' };
  expect(madeOf(row)).toEqual({ name: 'ads*.example', subtree: false, kind: 'wildcard', comment: 'since the update', action: 'block', scope: 'everyone', until: 2 });
});

test('each example covers the name that stands beside it', () => {
  const covers: Record<(typeof KINDS)[number], (written: string, name: string) => boolean> = {
    exact: (written, name) => written === name,
    subtree: (written, name) => name === written || name.endsWith(`.${written}`),
    wildcard: (written, name) => new RegExp(`^${written.split('*').map((part) => part.replaceAll('.', '\\.')).join('.*')}$`).test(name),
    regex: (written, name) => new RegExp(written).test(name),
  };
  for (const kind of KINDS) expect(covers[kind](EXAMPLES[kind].written, EXAMPLES[kind].covers), kind).toBe(true);
});
