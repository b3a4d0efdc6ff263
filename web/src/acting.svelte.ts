import { Trouble } from './api/client';

/** Runs what a button does, one thing at a time, and keeps what went wrong. */
export class Acting {
  busy = $state(false);
  trouble = $state.raw<Trouble>();

  async run(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.trouble = undefined;
    try {
      await act();
    } catch (cause) {
      const trouble = cause instanceof Trouble ? cause : new Trouble(0, '');
      if (!trouble.outdated) this.trouble = trouble;
    } finally {
      this.busy = false;
    }
  }
}
