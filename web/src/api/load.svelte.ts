import { Trouble } from './client';

class Changes {
  times = $state(0);
}

/** Counts the changes made from this page, so that whatever depends on the rules asks again. */
export const changes = new Changes();

/** Something asked of the server, kept while it is asked again so that nothing jumps. */
export class Load<T> {
  data = $state.raw<T>();
  trouble = $state.raw<Trouble>();
  busy = $state(false);

  /** Must be called while a component is set up. `ask` runs again when what it reads has changed. */
  constructor(ask: (signal: AbortSignal) => Promise<T>) {
    $effect(() => {
      void changes.times;
      const stop = new AbortController();
      void this.#run(ask(stop.signal), stop.signal);
      return () => stop.abort();
    });
  }

  async #run(answer: Promise<T>, signal: AbortSignal): Promise<void> {
    this.busy = true;
    try {
      const data = await answer;
      if (signal.aborted) return;
      this.data = data;
      this.trouble = undefined;
    } catch (cause) {
      if (signal.aborted) return;
      this.trouble = cause instanceof Trouble ? cause : new Trouble(0, String(cause));
    } finally {
      if (!signal.aborted) this.busy = false;
    }
  }
}
