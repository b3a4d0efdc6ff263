import { api, body } from './api/client';
import { changes } from './api/load.svelte';
import type { Action, Label, NewRule } from './api/types';
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

export interface Decision {
  action: Action;
  everyone: boolean;
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
  const device = decision.everyone ? undefined : about.device;
  const rule: NewRule = {
    name: about.name,
    subtree: decision.subtree,
    action: decision.action,
    scope: device ? { device: device.id } : 'everyone',
    ...(ms === null ? {} : { until: now + ms }),
  };
  const made = await body(api.POST('/api/v1/rules', { body: rule }));
  changes.times += 1;
  notices.tell(sentence(about, decision, device?.name), () => undo(made.id));
}

async function undo(id: number): Promise<void> {
  await body(api.DELETE('/api/v1/rules/{id}', { params: { path: { id } } }));
  changes.times += 1;
  notices.tell(t('done.undone'));
}

function sentence(about: Subject, { action, length }: Decision, device: string | undefined): string {
  const name = { text: visible(about.name), outside: true };
  const whom = device === undefined ? t('done.everyone') : t('done.device', { device: { text: visible(device), outside: true } });
  return t(`done.${action}`, { name, whom, long: t(`done.${length}`) });
}
