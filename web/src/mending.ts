import type { Candidate } from './api/types';
import * as format from './lang/format';
import { t } from './lang/lang.svelte';
import { words } from './lang/pages/broken';
import type { Span } from './time/period';

/** When it broke, as people say it. */
export const WHENS = ['now', 'today', 'at'] as const;
export type When = (typeof WHENS)[number];

/** For how long a name is let through to see whether that helps. */
export const TRIAL_MS = 10 * 60_000;

const MINUTE = 60_000;
/** "Just now" reaches so far back, and so far people are off when they name a time. */
const BACK_MS = 15 * MINUTE;
const AFTER_MS = 5 * MINUTE;

/** The span to look at. A time of day is the last one that has come: 23:30 said in the morning was yesterday. */
export function spanFor(when: When, time: string, now: number): Span | undefined {
  if (when === 'now') return { from: now - BACK_MS, to: now };
  const at = new Date(now);
  if (when === 'today') {
    at.setHours(0, 0, 0, 0);
    return { from: at.getTime(), to: now };
  }
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(time) ?? [];
  if (hours === undefined || minutes === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  at.setHours(Number(hours), Number(minutes), 0, 0);
  if (at.getTime() > now) at.setDate(at.getDate() - 1);
  return { from: at.getTime() - BACK_MS, to: Math.min(now, at.getTime() + AFTER_MS) };
}

/** Why a name may be the one; `known` is what the catalogue says, which follows. */
export interface Reason {
  said: string;
  known?: string;
}

/** The reasons, the strongest first; a name that has none was muted, and that is said. */
export function reasons({ signs, label, tries, hours_before, last, list }: Candidate, now: number): Reason[] {
  const told = signs.map((sign): Reason => {
    switch (sign) {
      case 'breaks':
        return { said: words.t('broken.breaks'), known: label?.breaks };
      case 'first':
        return { said: words.t('broken.first') };
      case 'rare':
        return { said: words.t('broken.rare', { n: hours_before }) };
      case 'retried':
        return { said: words.t('broken.retried', { times: t('count.times', { n: tries }) }) };
      case 'recent':
        return { said: words.t('broken.recent', { ago: format.relative(last, now) }) };
    }
  });
  if (!signs.includes('recent')) told.push({ said: words.t('broken.muted', { time: format.clockTime(last) }) });
  if (list === 'own') told.push({ said: words.t('broken.own') });
  return told;
}

/** What to try after `name`: the next one that was not tried. */
export function next(candidates: readonly Candidate[], tried: ReadonlySet<string>): Candidate | undefined {
  return candidates.find((candidate) => !tried.has(candidate.name));
}
