import type { Period, Span } from './period';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Nothing is counted finer than by the hour, and one column is no chart. */
const SHORTEST = 2 * HOUR;
const LONGEST = 90 * DAY;

/** The span that an address names, if it names one that can be shown. */
export function zoomFrom(query: URLSearchParams): Span | undefined {
  const [from, to] = ['from', 'to'].map((key) => Number.parseInt(query.get(key) ?? '', 10));
  if (from === undefined || to === undefined || !(from >= 0) || !(to - from >= SHORTEST) || to - from > LONGEST) return undefined;
  return { from, to };
}

/** In which steps a span is drawn: like a day, a week or a month. */
export function stepsOf({ from, to }: Span): Period {
  return to - from <= 1.5 * DAY ? '24h' : to - from <= 8 * DAY ? '7d' : '30d';
}

/** Half as long around `at`, on whole hours; nothing where it is as short as it can be. */
export function closer(span: Span, at: number): Span | undefined {
  const length = Math.max(SHORTEST, roundUp((span.to - span.from) / 2));
  if (length >= span.to - span.from) return undefined;
  const from = Math.min(Math.max(span.from, roundUp(at - length / 2)), roundUp(span.to - length));
  return { from, to: from + length };
}

/** Twice as long, never beyond `now`; nothing where it is as long as it can be. */
export function wider(span: Span, now: number): Span | undefined {
  const length = Math.min(LONGEST, 2 * (span.to - span.from));
  if (length <= span.to - span.from) return undefined;
  const to = Math.min(now, span.to + (length - (span.to - span.from)) / 2);
  return { from: Math.floor((to - length) / HOUR) * HOUR, to };
}

function roundUp(at: number): number {
  return Math.ceil(at / HOUR) * HOUR;
}
