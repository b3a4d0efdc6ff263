import { tick } from 'svelte';

/** Where in the page we are: the path, and the query as written in the address bar. */
class Place {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }
}

export const place = new Place();

/** Goes to `href` without asking the server for a page. */
export function go(href: string, how: { replace?: boolean; stay?: boolean } = {}): void {
  const before = location.pathname;
  if (how.replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  place.read();
  if (how.stay || before === location.pathname) return;
  scrollTo(0, 0);
  void announce();
}

/** The same place with some of its query changed; `null` removes. */
export function here(changed: Record<string, string | null>): string {
  return link(place.path, { ...Object.fromEntries(place.query), ...changed });
}

/** A path with a query, parts that are null or empty left out. */
export function link(path: string, query: Record<string, string | number | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Takes over clicks on links that stay inside. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = event.target instanceof Element ? event.target.closest('a') : null;
  if (!anchor || anchor.target || anchor.hasAttribute('download') || anchor.origin !== location.origin) return;
  if (anchor.pathname.startsWith('/api/')) return;
  if (anchor.hash && anchor.pathname === location.pathname && anchor.search === location.search) return;
  event.preventDefault();
  go(anchor.pathname + anchor.search + anchor.hash);
}

/** Tells screen readers where they are now, by moving focus to the heading as a page load would. */
async function announce(): Promise<void> {
  awaited?.disconnect();
  await tick();
  const main = document.querySelector('main');
  const before = document.activeElement;
  if (!main || headed(main)) return;
  // Most pages have their heading once they know what to say in it. Whoever went on meanwhile is not called back.
  const awaiting = new MutationObserver(() => {
    const now = document.activeElement;
    if ((now !== before && now !== document.body) || headed(main)) awaiting.disconnect();
  });
  awaiting.observe(main, { childList: true, subtree: true });
  awaited = awaiting;
}

/** What waits for the heading of a page, and gives up when another is gone to. */
let awaited: MutationObserver | undefined;

/** Moves focus to the heading; false where there is none. */
function headed(main: Element): boolean {
  const heading = main.querySelector<HTMLElement>('h1');
  heading?.focus({ preventScroll: true });
  return heading !== null;
}
