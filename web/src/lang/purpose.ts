import { t, type Key } from './lang.svelte';

type Purpose = Key extends infer K ? (K extends `purpose.${infer P}` ? P : never) : never;

// A record, so that a purpose without a word fails the type check.
const KNOWN: Record<Purpose, true> = {
  analytics: true,
  ads: true,
  crash: true,
  config: true,
  cloud: true,
  update: true,
  push: true,
  account: true,
  location: true,
  browser: true,
  voice: true,
  'tv-acr': true,
  other: true,
};

/** A purpose in the viewer's words; one that this page does not know yet as the catalogue writes it. */
export function purposeWord(purpose: string): string {
  return Object.hasOwn(KNOWN, purpose) ? t(`purpose.${purpose as Purpose}`) : purpose;
}

/** The purposes that this page has words for. */
export const purposes: readonly string[] = Object.keys(KNOWN);
