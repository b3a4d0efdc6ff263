import { api, body, ifStill } from './api/client';
import { changes } from './api/load.svelte';
import type { Action, Label, NewRule, RuleRow, Scope } from './api/types';
import { t } from './lang/lang.svelte';
import { visible } from './lang/visible';
import { notices } from './notices.svelte';

/** What a decision is about. */
export interface Subject {
  name: string;
  device?: { id: string; name: string };
  label?: Label | null;
  /** The action to offer first. */
  wish: Action;
}

export const LENGTHS = ['10m', '1h', 'good'] as const;
export type Length = (typeof LENGTHS)[number];

/** For whom it is decided: the device alone, all that have its profile, or everyone. */
export type Whom = 'device' | 'profile' | 'everyone';

export interface Decision {
  action: Action;
  whom: Whom;
  /** The device's profile, where that is for whom. */
  profile?: string;
  length: Length;
  subtree: boolean;
}

class Deciding {
  /** What is being decided; nothing while the dialog is closed. */
  about = $state.raw<Subject>();
}

export const deciding = new Deciding();

export const MS: Record<Length, number | null> = { '10m': 600_000, '1h': 3_600_000, good: null };

/** Makes the rule, tells of it and offers to take it back. */
export async function decide(about: Subject, decision: Decision, now: number): Promise<void> {
  const ms = MS[decision.length];
  const rule: NewRule = {
    name: about.name,
    subtree: decision.subtree,
    action: decision.action,
    scope: scopeOf(about, decision),
    ...(ms === null ? {} : { until: now + ms }),
  };
  const made = await body(api.POST('/api/v1/rules', { body: rule }));
  changes.times += 1;
  notices.tell(sentence(about, decision), () => undo(made));
}

function scopeOf({ device }: Subject, { whom, profile }: Decision): Scope {
  if (whom === 'everyone' || !device) return 'everyone';
  return whom === 'profile' && profile !== undefined ? { profile } : { device: device.id };
}

async function undo({ id, revision }: RuleRow): Promise<void> {
  await body(api.DELETE('/api/v1/rules/{id}', { params: { path: { id }, header: ifStill(revision) } }));
  changes.times += 1;
  notices.tell(t('done.undone'));
}

function sentence(about: Subject, decision: Decision): string {
  const outside = (text: string) => ({ text: visible(text), outside: true });
  const scope = scopeOf(about, decision);
  const whom = scope === 'everyone' ? t('done.everyone') : 'profile' in scope ? t('done.profile', { profile: outside(scope.profile) }) : t('done.device', { device: outside(about.device?.name ?? '') });
  return t(`done.${decision.action}`, { name: outside(about.name), whom, long: t(`done.${decision.length}`) });
}
