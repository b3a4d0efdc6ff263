import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { api } from './client';
import { Feed } from './feed.svelte';
import { filterFrom } from './filter';
import type { Query } from './types';

/** The stream, as the page hears it. */
class Stream extends EventTarget {
  static last: Stream;
  static readonly CLOSED = 2;
  readyState = 1;
  onopen: (() => void) | undefined;
  onerror: (() => void) | undefined;

  constructor() {
    super();
    Stream.last = this;
  }

  say(type: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.readyState = Stream.CLOSED;
  }
}

const query = (id: number) => ({ id: String(id), name: `n${id}.example` }) as Query;
const page = (...ids: number[]) => ({ data: { events: ids.map(query), next: null }, response: new Response() });
/** Stands for the journal. */
const asked = vi.fn<() => Promise<ReturnType<typeof page>>>();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Stream);
  asked.mockReset();
  asked.mockImplementation(() => Promise.resolve(page(10)));
  vi.spyOn(api, 'GET').mockImplementation(asked as never);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function begun(): Promise<Feed> {
  const feed = new Feed(filterFrom(new URLSearchParams()));
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  return feed;
}

test('a page that is too slow looks at the journal once, however often it is told', async () => {
  const feed = await begun();
  expect(asked).toHaveBeenCalledTimes(1);
  for (let time = 0; time < 50; time += 1) Stream.last.say('lagged', { missed: 100 });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveBeenCalledTimes(2);
  expect(feed.missed).toBe(5_000);
  Stream.last.say('lagged', { missed: 1 });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveBeenCalledTimes(3);
  feed.end();
});

test('what comes in while the journal is looked at is shown', async () => {
  const feed = await begun();
  let answer: (found: ReturnType<typeof page>) => void = () => undefined;
  asked.mockImplementation(() => new Promise((done) => (answer = done)));
  const looked = feed.load();
  for (const id of [11, 12, 13]) Stream.last.say('query', query(id));
  answer(page(12, 11, 10));
  await looked;
  expect(feed.rows.map(({ id }) => id)).toEqual(['13', '12', '11', '10']);
  feed.end();
});
