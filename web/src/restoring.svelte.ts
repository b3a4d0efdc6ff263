import { api, body, Trouble } from './api/client';
import type { Restored, RestoreProgress } from './api/types';

const BEAT_MS = 400;

/** One restore after the other: what the server says it is doing, and how to stop it. */
export class Restoring {
  progress = $state.raw<RestoreProgress>();

  /** Sends the file; with `try` it only asks what is in it. Refuses as the server does. */
  async send(file: Blob, query: { try?: boolean; history?: boolean }): Promise<Restored> {
    this.progress = { stage: 'idle', bytes: 0, total: null };
    const timer = setInterval(() => void this.#look(), BEAT_MS);
    try {
      return await body(
        api.POST('/api/v1/restore', {
          params: { query },
          // The description calls octets an array of numbers; a file is sent as it is.
          body: file as unknown as number[],
          bodySerializer: (octets) => octets as unknown as Blob,
          headers: { 'Content-Type': 'application/octet-stream' },
        }),
      );
    } finally {
      clearInterval(timer);
      this.progress = undefined;
    }
  }

  /** Has the server stop. The call under way is then refused; once it is put in force it is too late. */
  async stop(): Promise<void> {
    try {
      await body(api.DELETE('/api/v1/restore'));
    } catch (cause) {
      if (!(cause instanceof Trouble && cause.status === 404)) throw cause;
    }
  }

  async #look(): Promise<void> {
    try {
      const now = await body(api.GET('/api/v1/restore'));
      if (this.progress && now.stage !== 'idle') this.progress = now;
    } catch {
      // The call under way tells what is wrong.
    }
  }
}

/** What a file holds, in the order in which it is told. */
export const HELD = ['rules', 'lists', 'profiles', 'schedules', 'device_names', 'device_profiles', 'joined', 'split', 'records', 'pauses', 'guards_off'] as const;
