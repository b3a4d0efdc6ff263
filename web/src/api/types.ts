import type { components } from './schema';

type Schemas = components['schemas'];

export type Verdict = Schemas['Verdict'];
export type Action = Schemas['Action'];
export type Outcome = Schemas['Outcome'];
export type Counts = Schemas['Counts'];
export type HourCounts = Schemas['HourCounts'];
export type NameCounts = Schemas['NameCounts'];
export type GroupCounts = Schemas['GroupCounts'];
export type Overview = Schemas['Overview'];
export type Exposure = Schemas['Exposure'];
export type VendorExposure = Schemas['VendorExposure'];
export type ProductExposure = Schemas['ProductExposure'];
export type Label = Schemas['Label'];
export type DeviceSummary = Schemas['DeviceSummary'];
export type Fact = Schemas['Fact'];
export type Guess = Schemas['Guess'];
export type Query = Schemas['Query'];
export type List = Schemas['List'];
export type NewList = Schemas['NewList'];
export type Subscription = Schemas['Subscription'];
export type KnownList = Schemas['KnownList'];
export type Guard = Schemas['GuardRow'];
export type First = Schemas['FirstRow'];
export type Scope = Schemas['Scope'];
export type NewRule = Schemas['NewRule'];
export type RuleRow = Schemas['RuleRow'];
export type WhatIfQuestion = Schemas['WhatIfQuestion'];
export type WhatIfAnswer = Schemas['WhatIfAnswer'];
export type NameChange = Schemas['NameChange'];
export type RulesAtWork = Schemas['RulesAtWork'];
export type ListHits = Schemas['ListHits'];
export type RuleMatch = Schemas['RuleMatch'];
export type Pause = Schemas['PauseRow'];
export type Profile = Schemas['ProfileRow'];
export type Schedule = Schemas['ScheduleRow'];
export type ScheduleState = Schemas['ScheduleState'];
export type Slot = Schemas['Slot'];
export type Explanation = Schemas['Explanation'];
export type Breakage = Schemas['Breakage'];
export type Candidate = Schemas['Candidate'];
export type Comparison = Schemas['Comparison'];
export type Token = Schemas['Token'];
export type MadeToken = Schemas['MadeToken'];
export type TokenScope = Schemas['TokenScope'];
export type BrowserSession = Schemas['Session'];
export type FactorState = Schemas['SecondFactor'];
export type BegunFactor = Schemas['Begun'];
export type Restored = Schemas['Restored'];
export type RestoreProgress = Schemas['RestoreProgress'];
export type LocalRecord = Schemas['LocalRecord'];
export type NewLocalRecord = Schemas['NewLocalRecord'];
export type Status = Schemas['Status'];

/** How many questions there were, whatever became of them. */
export function asked(counts: Counts): number {
  return counts.passed + counts.watched + counts.muted + counts.allowed;
}
