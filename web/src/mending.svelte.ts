import { api, body, ifStill, Trouble } from './api/client';
import { changes } from './api/load.svelte';
import type { Breakage, Candidate, NewRule, RuleRow } from './api/types';
import { TRIAL_MS } from './mending';
import type { Span } from './time/period';

/** One name that is let through for a while, to see whether it was the one. */
interface Trial {
  candidate: Candidate;
  rule: RuleRow;
  until: number;
  /** Your own rule about the name that the trial took the place of. */
  instead?: RuleRow;
}

/** Goes through what may have broken something for a device, one name after the other. */
export class Mending {
  found = $state.raw<Breakage>();
  trial = $state.raw<Trial>();
  tried = $state.raw<ReadonlySet<string>>(new Set());
  kept = $state.raw<Candidate>();
  device = '';

  async look(device: string, span: Span): Promise<void> {
    await this.takeBack();
    this.device = device;
    this.found = await body(api.GET('/api/v1/broken', { params: { query: { device, ...span } } }));
    this.tried = new Set();
    this.kept = undefined;
  }

  /** Lets `candidate` through for ten minutes, in the place of the one tried before. */
  async attempt(candidate: Candidate): Promise<void> {
    await this.takeBack();
    const rules = await body(api.GET('/api/v1/rules'));
    const instead = rules.find((rule) => rule.active && rule.name === candidate.name && rule.kind === 'exact' && isOf(rule, this.device));
    const until = Date.now() + TRIAL_MS;
    const allowing = { ...this.#allowing(candidate), until };
    const rule = instead ? await put(instead, allowing) : await body(api.POST('/api/v1/rules', { body: allowing }));
    this.trial = { candidate, rule, until, instead };
    changes.times += 1;
  }

  /** It was the one: it is allowed for good. */
  async keep(): Promise<void> {
    if (!this.trial) return;
    const { candidate, rule } = this.trial;
    await this.#over(put(rule, this.#allowing(candidate)));
    this.kept = candidate;
    changes.times += 1;
  }

  /** It was not the one: everything is as it was before. */
  async takeBack(): Promise<void> {
    if (!this.trial) return;
    const { candidate, rule, instead } = this.trial;
    const rules = await body(api.GET('/api/v1/rules'));
    // It may have ended by itself in the meantime, and then there is nothing to take away.
    const there = rules.some((one) => one.id === rule.id);
    // Yours may have, too, and then there is nothing to put back.
    const back = instead && !(instead.until && instead.until <= Date.now()) ? again(instead) : undefined;
    if (there) await this.#over(back ? put(rule, back) : take(rule));
    else if (back) await this.#over(body(api.POST('/api/v1/rules', { body: back })));
    this.tried = new Set([...this.tried, candidate.name]);
    this.trial = undefined;
    changes.times += 1;
  }

  /** Ends the trial with `act`, also where somebody else has decided about its rule by then: theirs stays. */
  async #over(act: Promise<unknown>): Promise<void> {
    try {
      await act;
    } catch (cause) {
      if (cause instanceof Trouble && cause.outdated) this.trial = undefined;
      throw cause;
    }
    this.trial = undefined;
  }

  #allowing({ name }: Candidate): NewRule {
    return { name, kind: 'exact', action: 'allow', scope: { device: this.device } };
  }
}

/** Makes `rule` another one, and takes it away; only while it is what was seen. */
const put = ({ id, revision }: RuleRow, what: NewRule) => body(api.PUT('/api/v1/rules/{id}', { params: { path: { id }, header: ifStill(revision) }, body: what }));
const take = ({ id, revision }: RuleRow) => body(api.DELETE('/api/v1/rules/{id}', { params: { path: { id }, header: ifStill(revision) } }));

function isOf(rule: RuleRow, device: string): boolean {
  return typeof rule.scope !== 'string' && 'device' in rule.scope && rule.scope.device === device;
}

function again({ name, kind, comment, action, scope, until }: RuleRow): NewRule {
  return { name, kind, action, scope, ...(comment ? { comment } : {}), ...(until ? { until } : {}) };
}
