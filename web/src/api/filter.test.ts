import { expect, test } from 'vitest';

import { collapsed, filterFrom, narrows, parameters } from './filter';
import type { Query } from './types';

const query = (more: Partial<Query> = {}): Query => ({
  id: '1', at: 1_000, device: 'mac-02:00:00:00:00:01', device_name: 'Phone', address: '192.0.2.1', name: 'data.mistat.example', qtype: 'A', verdict: 'block', outcome: 'muted',
  rcode: 'NOERROR', list: 'xiaomi', alias: null, upstream: null, transport: 'udp', took_us: 100, ...more,
});

test('what stands in the address comes out as it went in', () => {
  const search = 'vendor=Xiaomi&not_type=AAAA&name=mistat&match=subtree&from=5&collapse=true';
  const filter = filterFrom(new URLSearchParams(search));
  expect(parameters(filter)).toEqual({ vendor: 'Xiaomi', not_type: 'AAAA', name: 'mistat', match: 'subtree', from: 5, collapse: true });
  expect(parameters(filterFrom(new URLSearchParams('match=wrong&from=soon&whatever=1&vendor=')))).toEqual({});
});

test('collapsing alone leaves nothing out', () => {
  expect(narrows(filterFrom(new URLSearchParams('collapse=true&match=exact')))).toBe(false);
  expect(narrows(filterFrom(new URLSearchParams('not_type=A')))).toBe(true);
  expect(narrows(filterFrom(new URLSearchParams('from=0')))).toBe(true);
});

test('repeats become one row in the place of the latest, which knows the first', () => {
  const rows = collapsed([query({ id: '5', at: 5 }), query({ id: '4', at: 4, qtype: 'AAAA' })], [query({ id: '3', at: 3, count: 7, first: 1 }), query({ id: '2', at: 2, name: 'b' })]);
  expect(rows.map(({ id, count, first }) => [id, count, first])).toEqual([['5', 8, 1], ['4', undefined, undefined], ['2', undefined, undefined]]);
});
