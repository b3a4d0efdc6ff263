const TICK_MS = 30_000;

class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener('visibilitychange', () => this.#tick());
  }

  #tick(): void {
    if (!document.hidden) this.now = Date.now();
  }
}

/** The time that pages show. It stands still while nobody looks, so that a hidden tab asks nothing. */
export const clock = new Clock();
