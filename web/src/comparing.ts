/** How a count stands beside the one before it. */
export type Trend = { kind: 'new' | 'more' | 'less' | 'same'; share: number };

/** Less than this is as much as before. */
const NOTHING = 0.05;

export function trend(now: number, before: number): Trend {
  if (before === 0) return { kind: now === 0 ? 'same' : 'new', share: 0 };
  const share = Math.abs(now - before) / before;
  if (share < NOTHING) return { kind: 'same', share };
  return { kind: now > before ? 'more' : 'less', share };
}
