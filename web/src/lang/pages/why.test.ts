import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rowOf, stepWords } from './why';

const EXPLAIN = readFileSync(new URL('../../../../src/policy/explain.rs', import.meta.url), 'utf8');

test('every step that the server has a word for has one here', () => {
  const steps = [...EXPLAIN.matchAll(/Self::\w+ => "([^"]+)"/g)].map(([, words]) => words ?? '').filter((words) => !words.startsWith('you'));
  const own = [...EXPLAIN.matchAll(/"((?:own rule|pause) for [^"]+)"/g)].map(([, words]) => words ?? '');
  expect(steps.length).toBeGreaterThan(9);
  expect(own.length).toBe(6);
  expect([...steps, ...own].filter((words) => stepWords(words) === undefined)).toEqual([]);
});

test('a rule of the catalogue is shown as its name', () => {
  expect(rowOf('block ads.example and what is below it')).toEqual({ name: 'ads.example', below: true });
  expect(rowOf('never time.example')).toEqual({ name: 'time.example', below: false });
  expect(rowOf('||ads.example^')).toBeUndefined();
});
