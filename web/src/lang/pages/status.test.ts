import { expect, test } from 'vitest';

import { counterWords, troubleWords } from './status';

const upstream = (server: string, state: string) => ({ server, state, answered: 0, failed: 0, domains: [], encrypted: false, folds_case: false, loops: [], mismatches: 0 });

test('every kind of trouble that the server tells of has words', () => {
  const kinds = ['open_resolver', 'store', 'store_set_aside', 'config', 'list', 'upstream', 'loop', 'events_dropped', 'mdns', 'notify', 'silent', 'password', 'certificate', 'page'];
  for (const kind of kinds) expect(troubleWords(kind, { upstreams: [], counters: {} }), kind).toBeTruthy();
  expect(troubleWords('not known yet', { upstreams: [], counters: {} })).toBeUndefined();
});

test('one forwarder down is told by name, all of them as what it means', () => {
  const [up, down] = [upstream('udp://a', 'up'), upstream('udp://b', 'down')];
  expect(troubleWords('upstream', { upstreams: [up, down], counters: {} })).toContain('udp://b');
  expect(troubleWords('upstream', { upstreams: [down], counters: {} })).not.toContain('udp://b');
});

test('what is counted has words, and what is not known keeps its name', () => {
  expect(counterWords('events_dropped')).toBeTruthy();
  expect(counterWords('constructor')).toBeUndefined();
  expect(counterWords('of_a_newer_one')).toBeUndefined();
});
