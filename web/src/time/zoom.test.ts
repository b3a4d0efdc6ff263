import { expect, test } from 'vitest';

import { closer, stepsOf, wider, zoomFrom } from './zoom';

const HOUR = 3_600_000;
const span = (from: number, to: number) => ({ from: from * HOUR, to: to * HOUR });
const named = (text: string) => zoomFrom(new URLSearchParams(text));

test('only a span that can be shown is one', () => {
  expect(named(`from=${HOUR}&to=${5 * HOUR}`)).toEqual(span(1, 5));
  for (const text of ['', 'from=1', 'to=1', 'from=x&to=y', 'from=9&to=1', `from=0&to=${HOUR}`, 'from=0&to=99999999999999', 'from=-9&to=99999999']) expect(named(text)).toBeUndefined();
});

test('a short span is drawn by the hour, a long one by the day', () => {
  expect([span(0, 24), span(0, 24 * 7), span(0, 24 * 30)].map(stepsOf)).toEqual(['24h', '7d', '30d']);
});

test('closer halves around the place and stays inside, down to two hours', () => {
  expect(closer(span(0, 24), 12 * HOUR)).toEqual(span(6, 18));
  expect(closer(span(0, 24), 0)).toEqual(span(0, 12));
  expect(closer(span(0, 24), 24 * HOUR)).toEqual(span(12, 24));
  expect(closer(span(4, 6), 5 * HOUR)).toBeUndefined();
  let shown = span(0, 24 * 30);
  for (let next = closer(shown, shown.from); next; next = closer(shown, shown.from)) {
    expect(next.to - next.from).toBeLessThan(shown.to - shown.from);
    shown = next;
  }
  expect(shown.to - shown.from).toBe(2 * HOUR);
});

test('wider doubles and never shows the future', () => {
  expect(wider(span(100, 110), 1000 * HOUR)).toEqual(span(95, 115));
  expect(wider(span(100, 110), 112 * HOUR)).toEqual(span(92, 112));
  expect(wider(span(0, 24 * 90), 24 * 90 * HOUR)).toBeUndefined();
});
