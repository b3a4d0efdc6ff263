import { describe, expect, it, vi } from 'vitest';

import { body, ifStill, Trouble, whenOutdated } from './client';

const refused = (status: number, detail: string) =>
  Promise.resolve({ error: { detail }, response: new Response(null, { status }) });

describe('a change to what someone else has changed', () => {
  it('is told once, and whoever asked knows it', async () => {
    const told = vi.fn();
    whenOutdated(told);
    const trouble: unknown = await body(refused(412, 'Someone changed this.')).catch((cause: unknown) => cause);
    expect(trouble).toBeInstanceOf(Trouble);
    expect((trouble as Trouble).outdated).toBe(true);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('is not what other refusals are', async () => {
    const told = vi.fn();
    whenOutdated(told);
    const trouble: unknown = await body(refused(409, 'There is one already.')).catch((cause: unknown) => cause);
    expect((trouble as Trouble).outdated).toBe(false);
    expect(told).not.toHaveBeenCalled();
  });

  it('is found by the state that was seen, where there is one', () => {
    expect(ifStill('00ff')).toEqual({ 'If-Match': '"00ff"' });
    expect(ifStill(null)).toEqual({});
  });
});
