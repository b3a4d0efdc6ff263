import { api, body, Trouble } from './client';
import { collapsed, parameters, type Filter } from './filter';
import type { Query } from './types';

/** Rows kept while queries stream in. */
export const LIVE_ROWS = 500;
/** Rows kept at most, older ones loaded by hand included. */
export const MOST_ROWS = 2_000;
/** Between two changes of the rows, so that 500 queries a second are 4 changes a second. */
const BEAT_MS = 250;
const PAGE = 100;
/** Stretches of the journal that are read through for one page that turns out empty. */
const STRETCHES = 8;
const RETRY_MS = 5_000;
/** Between two looks at the journal because some queries were not sent: who is too slow must not be given more to do. */
const LOOK_MS = 2_000;

/** Queries as they were kept, and on top of them as they come in. */
export class Feed {
  rows = $state.raw<Query[]>([]);
  ready = $state(false);
  busy = $state(false);
  trouble = $state.raw<Trouble>();
  paused = $state(false);
  /** How many wait while paused; never more than {@link LIVE_ROWS}. */
  waiting = $state(0);
  missed = $state(0);
  lost = $state(false);
  older = $state<string | null>(null);

  #filter: Filter;
  #fresh: Query[] = [];
  #beat: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;
  #source: EventSource | undefined;
  #stop = new AbortController();

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  /** Whether new queries can fit: a span that has ended gets none. */
  get live(): boolean {
    return this.#filter.to === null;
  }

  start(): void {
    void this.load();
    if (this.live) this.#listen();
  }

  end(): void {
    this.#stop.abort();
    this.#source?.close();
    clearTimeout(this.#beat);
    clearTimeout(this.#retry);
    clearTimeout(this.#look);
  }

  /** Asks for the newest again. */
  async load(): Promise<void> {
    const page = await this.#some(null);
    if (!page) return;
    const newest = page.events[0]?.id;
    // What came in meanwhile and is not among them stays.
    if (newest !== undefined) this.#fresh = this.#fresh.filter((query) => isLater(query.id, newest));
    this.rows = page.events;
    this.older = page.next ?? null;
    this.ready = true;
    if (this.paused) this.waiting = this.#fresh.length;
    else this.#show();
  }

  /** Adds older ones below. */
  async more(): Promise<void> {
    if (this.older === null || this.busy) return;
    const page = await this.#some(this.older);
    if (!page) return;
    this.rows = (this.#filter.collapse ? collapsed(this.rows, page.events) : [...this.rows, ...page.events]).slice(0, MOST_ROWS);
    this.older = page.next ?? null;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#show();
  }

  /** Reads on where a stretch of the journal held nothing that fits, for a while. */
  async #some(before: string | null) {
    let page = await this.#page(before);
    for (let tries = 1; tries < STRETCHES && page?.events.length === 0 && page.next; tries += 1) page = await this.#page(page.next);
    return page;
  }

  async #page(before: string | null) {
    const query = { limit: PAGE, ...parameters(this.#filter), ...(before === null ? {} : { before }) };
    this.busy = true;
    try {
      const page = await body(api.GET('/api/v1/queries', { params: { query }, signal: this.#stop.signal }));
      this.trouble = undefined;
      return page;
    } catch (cause) {
      if (!this.#stop.signal.aborted) this.trouble = cause instanceof Trouble ? cause : new Trouble(0, '');
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  #listen(): void {
    // The server leaves out what does not fit here too: it knows which identities are one device.
    const wished = Object.entries(parameters(this.#filter)).map(([key, value]) => [key, String(value)]);
    const source = new EventSource(`/api/v1/queries/live?${new URLSearchParams(wished)}`);
    this.#source = source;
    source.addEventListener('query', (event: MessageEvent<string>) => this.#take(JSON.parse(event.data) as Query));
    source.addEventListener('lagged', (event: MessageEvent<string>) => {
      this.missed += (JSON.parse(event.data) as { missed: number }).missed;
      this.#look ??= setTimeout(() => void this.load().finally(() => (this.#look = undefined)), LOOK_MS);
    });
    source.onopen = () => {
      if (this.lost) void this.load();
      this.lost = false;
    };
    source.onerror = () => {
      this.lost = true;
      if (source.readyState !== EventSource.CLOSED) return;
      // The browser gives up on an error reply. The session may have ended, which the next request will tell.
      void this.load();
      this.#retry = setTimeout(() => this.#listen(), RETRY_MS);
    };
  }

  #take(query: Query): void {
    this.#fresh.push(query);
    if (this.#fresh.length > LIVE_ROWS) this.#fresh.shift();
    this.#beat ??= setTimeout(() => {
      this.#beat = undefined;
      if (this.paused) this.waiting = this.#fresh.length;
      else this.#show();
    }, BEAT_MS);
  }

  #show(): void {
    if (!this.ready) return;
    const known = new Set(this.rows.slice(0, LIVE_ROWS).map((row) => row.id));
    const newest = this.rows[0]?.id;
    // A collapsed row stands for queries whose ids it does not have; they all came before the newest.
    const seen = (id: string) => known.has(id) || (this.#filter.collapse && newest !== undefined && !isLater(id, newest));
    const fresh = this.#fresh.filter((query) => !seen(query.id)).reverse();
    this.#fresh = [];
    this.waiting = 0;
    const room = this.rows.length > LIVE_ROWS ? MOST_ROWS : LIVE_ROWS;
    const rows = this.#filter.collapse ? collapsed(fresh, this.rows) : [...fresh, ...this.rows];
    this.rows = rows.slice(0, room);
    // What fell off the end can be loaded again from there.
    if (rows.length > room) this.older = this.rows.at(-1)?.id ?? null;
  }
}

/** Ids are decimal numbers, larger ones later; too large for a `number`. */
function isLater(id: string, than: string): boolean {
  return id.length === than.length ? id > than : id.length > than.length;
}
