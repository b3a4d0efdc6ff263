import type { List, Profile } from './api/types';

/** What a list can do under a profile; the first is what it does by itself. */
export const UNDER = ['itself', 'block', 'watch', 'allow', 'off'] as const;
export type Under = (typeof UNDER)[number];

/** The lists that a profile is shown with: each `[[list]]` once, and those it speaks of by name. */
export function shownLists(lists: readonly Pick<List, 'name' | 'group'>[], profile: Pick<Profile, 'lists'>): string[] {
  return [...new Set([...lists.map((list) => list.group), ...Object.keys(profile.lists)])];
}

/** The lists that can be named besides: those that stand in a directory and have no line yet. */
export function moreLists(lists: readonly Pick<List, 'name' | 'group'>[], profile: Pick<Profile, 'lists'>): string[] {
  const shown = new Set(shownLists(lists, profile));
  return lists.map((list) => list.name).filter((name) => !shown.has(name));
}

/** What a profile says once `list` does `under` in it. */
export function withList(lists: Profile['lists'], list: string, under: Under): Profile['lists'] {
  const { [list]: _, ...others } = lists;
  return under === 'itself' ? others : { ...others, [list]: under };
}
