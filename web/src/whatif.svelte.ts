import { api, body, Trouble } from './api/client';
import { changes } from './api/load.svelte';
import type { WhatIfAnswer, WhatIfQuestion } from './api/types';

/** How long nothing is typed before the question is asked. */
const PAUSE_MS = 350;
/** What the server takes, less what stands around the lines of a list. */
export const MOST_BYTES = 5_000_000;

/** What a change would do, asked anew whenever the question is another one. */
export class Asking {
  answer = $state.raw<WhatIfAnswer>();
  trouble = $state.raw<Trouble>();
  busy = $state(false);

  /** Must be called while a component is set up. Where there is no question there is no answer. */
  constructor(question: () => WhatIfQuestion | undefined, pause = PAUSE_MS) {
    $effect(() => {
      void changes.times;
      const asked = question();
      if (!asked) {
        this.answer = undefined;
        this.trouble = undefined;
        this.busy = false;
        return;
      }
      const stop = new AbortController();
      const timer = setTimeout(() => void this.#run(asked, stop.signal), pause);
      return () => {
        clearTimeout(timer);
        stop.abort();
      };
    });
  }

  async #run(question: WhatIfQuestion, signal: AbortSignal): Promise<void> {
    this.busy = true;
    try {
      const answer = await body(api.POST('/api/v1/whatif', { body: question, signal }));
      if (signal.aborted) return;
      this.answer = answer;
      this.trouble = undefined;
    } catch (cause) {
      if (signal.aborted) return;
      this.answer = undefined;
      this.trouble = cause instanceof Trouble ? cause : new Trouble(0, '');
    } finally {
      if (!signal.aborted) this.busy = false;
    }
  }
}
