import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { houseWords, rowOf, stepWords } from './why';

const source = (path: string) => readFileSync(new URL(`../../../../src/${path}`, import.meta.url), 'utf8');
const EXPLAIN = source('policy/explain.rs');

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

test('what the house decides by itself is told in words', () => {
  const said = ['local/records.rs', 'local/bypass.rs', 'policy/essential.rs'].flatMap((path) => [...source(path).matchAll(/"(a (?:name|way|forwarder) [^"]+)"/g)].map(([, words]) => words ?? ''));
  expect(said.length).toBe(4);
  expect(said.filter((words) => stepWords(words) === undefined)).toEqual([]);
  expect(houseWords('rebinding')?.why).not.toBe('');
  expect(houseWords('[[local]]')?.kept).not.toBe('');
  expect(houseWords('ads')).toBeUndefined();
});
