import type { NewRule, RuleRow, Scope } from './api/types';

/** What a rule can be about, the usual one first. */
export const KINDS = ['subtree', 'exact', 'wildcard', 'regex'] as const;
export type Kind = (typeof KINDS)[number];

/** What is written for each kind, and a name that it would cover. */
export const EXAMPLES: Record<Kind, { written: string; covers: string }> = {
  subtree: { written: 'telemetry.example', covers: 'eu.telemetry.example' },
  exact: { written: 'telemetry.example', covers: 'telemetry.example' },
  wildcard: { written: 'ads*.example', covers: 'ads7.cdn.example' },
  regex: { written: '^metrics?[0-9]+\\.', covers: 'metric7.example' },
};

/** Longest comment that the server takes, characters. */
export const COMMENT_CHARS = 200;

/** A scope as the value of an option, and back. */
export function whomOf(scope: Scope): string {
  if (typeof scope === 'string') return scope;
  return 'profile' in scope ? `profile:${scope.profile}` : `device:${scope.device}`;
}

export function scopeOf(whom: string): Scope {
  const [of, ...rest] = whom.split(':');
  const who = rest.join(':');
  return of === 'device' ? { device: who } : of === 'profile' ? { profile: who } : 'everyone';
}

/** What makes this rule again. */
export function madeOf({ name, subtree, kind, comment, action, scope, until }: RuleRow): NewRule {
  return { name, subtree, action, scope, ...(kind ? { kind } : {}), ...(comment ? { comment } : {}), ...(until ? { until } : {}) };
}

const two = (n: number) => String(n).padStart(2, '0');

/** A moment as a field for date and time has it, by the viewer's clock, to the minute. */
export function fieldOf(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The moment in such a field; none while it is not filled in. */
export function momentOf(field: string): number | undefined {
  const at = /^\d{4,}-\d\d-\d\dT\d\d:\d\d/.test(field) ? new Date(field).getTime() : NaN;
  return Number.isNaN(at) ? undefined : at;
}
