import { expect, test } from 'vitest';

import type { List, Subscription } from './api/types';
import { gathered, healthOf, moving, outline } from './lists';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const fetched = (more: Partial<Subscription> = {}): Subscription => ({
  enabled: true, private_server: false, stage: 'done', bytes: 0, next: NOW + HOUR, fetched: NOW - 3 * HOUR, checked: NOW - 3 * HOUR, tried: NOW - 3 * HOUR,
  failures: 0, trouble: null, suspicious: false, sizes: [{ at: NOW - 3 * HOUR, bytes: 900, names: 10, refused: 0 }], ...more,
});
const health = (more: Partial<Subscription> = {}, problem: string | null = null) => healthOf({ problem, subscription: fetched(more) }, NOW);

test('a file is in force or says why not', () => {
  expect(healthOf({ problem: null, subscription: null }, NOW)).toEqual({ kind: 'file' });
  expect(healthOf({ problem: 'no such file', subscription: null }, NOW)).toEqual({ kind: 'broken', why: 'no such file' });
});

test('a copy is fresh within the hour, and unchanged when only its server was asked', () => {
  expect(health()).toEqual({ kind: 'fetched', at: NOW - 3 * HOUR });
  expect(health({ fetched: NOW - 60_000, checked: NOW - 60_000 })).toEqual({ kind: 'fresh', at: NOW - 60_000 });
  expect(health({ checked: NOW - 60_000 })).toEqual({ kind: 'unchanged', at: NOW - 60_000, copy: NOW - 3 * HOUR });
});

test('trouble is told with the next try and the copy that stays', () => {
  expect(health({ trouble: 'no answer', stage: 'failed' })).toEqual({ kind: 'failing', why: 'no answer', next: NOW + HOUR, copy: NOW - 3 * HOUR });
  expect(health({ trouble: 'shrank', suspicious: true, stage: 'failed', fetched: null })).toEqual({ kind: 'suspicious', why: 'shrank', next: NOW + HOUR, copy: undefined });
});

test('a try under way hides the trouble before it, being switched off hides all', () => {
  expect(health({ trouble: 'no answer', stage: 'fetching', bytes: 12 })).toEqual({ kind: 'working', stage: 'fetching', bytes: 12, whole: 900 });
  expect(health({ enabled: false, trouble: 'no answer' })).toEqual({ kind: 'off' });
  expect(health({ stage: 'waiting', checked: null, fetched: null, tried: null })).toEqual({ kind: 'waiting' });
});

test('only what is under way, or about to be, is asked for again and again', () => {
  expect(moving({ subscription: fetched({ stage: 'compiling' }) })).toBe(true);
  expect(moving({ subscription: fetched({ stage: 'waiting', tried: null }) })).toBe(true);
  expect(moving({ subscription: fetched({ stage: 'failed' }) })).toBe(false);
  expect(moving({ subscription: fetched({ enabled: false, stage: 'waiting', tried: null }) })).toBe(false);
  expect(moving({ subscription: null })).toBe(false);
});

test('lists of one directory are gathered, others stay by themselves', () => {
  const list = (name: string, group: string, subscription: Subscription | null = null) => ({ name, group, subscription }) as List;
  const groups = gathered([list('a', 'dir'), list('mine', 'mine', fetched()), list('b', 'dir')]);
  expect(groups.map(({ group, lists }) => [group, lists.map(({ name }) => name)])).toEqual([['dir', ['a', 'b']], ['mine', ['mine']]]);
});

test('the outline of sizes goes from edge to edge', () => {
  const size = (names: number) => ({ at: 0, bytes: 0, names, refused: 0 });
  expect(outline([size(0), size(50), size(100)], 100, 20)).toBe('0,20 50,10 100,0');
  expect(outline([size(7)], 100, 20)).toBe('0,0');
});
