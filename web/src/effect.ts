import type { WhatIfAnswer } from './api/types';
import { say, t, type Part } from './lang/lang.svelte';
import type { Period } from './time/period';

type Amount = { names: number; queries: number };

const names = (n: number) => t('count.names', { n });
const questions = (n: number) => t('count.questions', { n });

/** What it would have done, in sentences: first what changes, then what does not and why. */
export function effect(answer: WhatIfAnswer, period: Period): { main: Part[]; more: Part[][] } {
  const when = t(`period.in.${period}`);
  const amount = ({ names: n, queries }: Amount) => ({ names: names(n), queries: questions(queries) });
  const changed: Part[][] = [];
  if (answer.muted.queries > 0) changed.push(say('whatif.muted', { when, ...amount(answer.muted) }));
  if (answer.let_through.queries > 0) changed.push(say('whatif.let', { when, ...amount(answer.let_through) }));
  if (answer.watched.queries > 0) changed.push(say('whatif.watched', { when, ...amount(answer.watched) }));
  const [main, ...more] = changed;
  if (answer.breaking > 0) more.push(say('whatif.breaking', { n: answer.breaking }));
  if (answer.already.queries > 0) more.push(say('whatif.already', amount(answer.already)));
  if (answer.kept.queries > 0) more.push(say('whatif.kept', amount(answer.kept)));
  if (answer.beyond > 0) more.push(say('whatif.beyond', { queries: questions(answer.beyond) }));
  const nothing = answer.already.queries + answer.kept.queries > 0 ? say('whatif.nothing', { when }) : say('whatif.unasked', { when });
  return { main: main ?? nothing, more };
}
