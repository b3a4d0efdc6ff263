import type { Trouble } from '../api/client';

/**
 * Why the server did not do something, in the viewer's words; nothing where there are none and its own sentence, in English,
 * has to do. The words come when they are needed.
 */
export async function inWords(trouble: Trouble): Promise<string | undefined> {
  if (!trouble.kind) return undefined;
  return import('./pages/refusals').then(({ refused }) => refused(trouble), () => undefined);
}
