import type { Language } from './lang.svelte';

type Words = Readonly<Record<string, string>>;

// The catalogue is written in English; beside it stands one table for each other language, from a text to the same
// text there. They are fetched after the page, which does not wait for them.
const load: Record<Exclude<Language, 'en'>, () => Promise<{ default: Words }>> = {
  de: () => import('./labels.de.json'),
  nl: () => import('./labels.nl.json'),
};

class Labels {
  language = $state.raw<Language>('en');
  words = $state.raw<Words>({});
}

const labels = new Labels();
let wished: Language = 'en';

/** Fetches what the catalogue says in `language`. Where that fails the catalogue is told in English. */
export async function learn(language: Language): Promise<void> {
  wished = language;
  const words: Words = language === 'en' ? {} : await load[language]().then((table) => table.default, () => ({}));
  if (wished !== language) return;
  labels.words = words;
  labels.language = language;
}

/** A text of the catalogue and the language it is told in. A text that no table has, as in a catalogue of your own, stays as it is written. */
export function told(text: string): { text: string; lang: Language } {
  return Object.hasOwn(labels.words, text) ? { text: labels.words[text] ?? text, lang: labels.language } : { text, lang: 'en' };
}

/** What a product is called. Only names that describe are translated; filters and links go by the catalogue's own. */
export const productWord = (product: string): string => told(product).text;
