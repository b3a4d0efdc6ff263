import type { Schedule, Slot } from './api/types';

/** Days as the API writes them, the week beginning on Monday. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** The first slot that a new schedule is offered with: every night. */
export const NIGHT: Slot = { days: [...DAYS], from: '21:00', to: '07:00' };

export type Use = Schedule['uses'][number];

/** The days of a slot; none named are all. */
export const daysOf = (slot: Slot): readonly Day[] => (slot.days && slot.days.length > 0 ? slot.days : DAYS);

/** The days of a slot as spans of the week: `[['mon', 'fri'], ['sun', 'sun']]`. */
export function spans(slot: Slot): [Day, Day][] {
  const days = daysOf(slot);
  const spans: [Day, Day][] = [];
  let before = -2;
  DAYS.forEach((day, place) => {
    if (!days.includes(day)) return;
    const open = spans.at(-1);
    if (open && place === before + 1) open[1] = day;
    else spans.push([day, day]);
    before = place;
  });
  return spans;
}

/** The slot with `day` put in where it was not, and out where it was. The last day stays. */
export function withDay(slot: Slot, day: Day): Slot {
  const now = daysOf(slot);
  const days = DAYS.filter((one) => (one === day ? !now.includes(day) : now.includes(one)));
  return days.length === 0 ? slot : { ...slot, days };
}

/** Whether a slot ends on the day after it began. */
export const overnight = (slot: Slot): boolean => slot.from > slot.to;

export const isSame = (one: Use, other: Use): boolean => one.list === other.list && (one.profile ?? null) === (other.profile ?? null);

/** What no schedule is for yet: each list for everyone, and under each profile. */
export function free(lists: readonly string[], profiles: readonly string[], schedules: readonly Pick<Schedule, 'uses'>[]): Use[] {
  const taken = schedules.flatMap((schedule) => schedule.uses);
  const all = lists.flatMap((list) => [null, ...profiles].map((profile) => ({ list, profile })));
  return all.filter((use) => !taken.some((other) => isSame(use, other)));
}

/** The same under the profile each is for, in the order of their first; null is everyone. */
export function byProfile(uses: readonly Use[]): [string | null, Use[]][] {
  const groups = new Map<string | null, Use[]>();
  for (const use of uses) groups.set(use.profile ?? null, [...(groups.get(use.profile ?? null) ?? []), use]);
  return [...groups];
}
