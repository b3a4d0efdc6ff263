import type { List, Subscription } from './api/types';

const WORKING = ['resolving', 'fetching', 'checking', 'compiling'] as const;
type Working = (typeof WORKING)[number];

/** A copy that its server confirmed this recently is called fresh. */
const FRESH_MS = 3_600_000;

/** How a list is doing, with what the words for it need. */
export type Health =
  | { kind: 'file' | 'off' | 'waiting' }
  /** Not in force, and not for want of fetching it. */
  | { kind: 'broken'; why: string }
  /** `whole` is how large the copy before was; nothing where there was none. */
  | { kind: 'working'; stage: Working; bytes: number; whole?: number }
  /** What came is kept out. `copy` is from when the copy in force is. */
  | { kind: 'suspicious' | 'failing'; why: string; next?: number; copy?: number }
  | { kind: 'fresh' | 'fetched'; at: number }
  /** Its server said at `at` that the copy of `copy` is up to date. */
  | { kind: 'unchanged'; at: number; copy: number };

/** Says how a list is doing at `now`. */
export function healthOf({ problem, subscription: from }: Pick<List, 'problem' | 'subscription'>, now: number): Health {
  if (!from) return problem ? { kind: 'broken', why: problem } : { kind: 'file' };
  if (!from.enabled) return { kind: 'off' };
  const stage = WORKING.find((one) => one === from.stage);
  if (stage) return { kind: 'working', stage, bytes: from.bytes, whole: from.sizes.at(-1)?.bytes };
  const copy = from.fetched ?? undefined;
  if (from.trouble) return { kind: from.suspicious ? 'suspicious' : 'failing', why: from.trouble, next: from.next ?? undefined, copy };
  if (problem) return { kind: 'broken', why: problem };
  if (!from.checked || copy === undefined) return { kind: 'waiting' };
  if (from.checked > copy) return { kind: 'unchanged', at: from.checked, copy };
  return { kind: now - from.checked < FRESH_MS ? 'fresh' : 'fetched', at: from.checked };
}

/** Whether something about to be fetched, or being fetched, changes what is shown within seconds. */
export function moving({ subscription: from }: Pick<List, 'subscription'>): boolean {
  if (!from?.enabled) return false;
  return WORKING.some((one) => one === from.stage) || (from.stage === 'waiting' && !from.tried);
}

/** Lists that come from one directory, as one. */
export interface Group {
  group: string;
  lists: List[];
}

/** The lists in their order, those of one directory gathered where its first stands. */
export function gathered(lists: readonly List[]): Group[] {
  const groups = new Map<string, List[]>();
  for (const list of lists) {
    const key = list.subscription ? list.name : list.group;
    groups.set(key, [...(groups.get(key) ?? []), list]);
  }
  return [...groups].map(([group, own]) => ({ group, lists: own }));
}

/** The sizes a list had, as points of a line in a box of `width` × `height`; the largest touches the top. */
export function outline(sizes: Subscription['sizes'], width: number, height: number): string {
  const largest = Math.max(1, ...sizes.map((size) => size.names));
  const step = width / Math.max(1, sizes.length - 1);
  return sizes.map((size, i) => `${round(i * step)},${round(height - (size.names / largest) * height)}`).join(' ');
}

const round = (n: number) => Math.round(n * 10) / 10;
