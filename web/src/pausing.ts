/** How long muting can be paused with one press. */
export const ENDS = ['10m', '1h', 'tomorrow'] as const;
export type End = (typeof ENDS)[number];

/** When a day begins for those who pause "until tomorrow": late enough that the evening is over. */
const MORNING_HOUR = 6;

/** When a pause that begins at `now` ends, by the viewer's clock and zone. */
export function endOf(end: End, now: number): number {
  if (end === '10m') return now + 600_000;
  if (end === '1h') return now + 3_600_000;
  const morning = new Date(now);
  morning.setHours(MORNING_HOUR, 0, 0, 0);
  if (morning.getTime() <= now) morning.setDate(morning.getDate() + 1);
  return morning.getTime();
}
