import type { en } from './en';
import { learn } from './label.svelte';
import { isolated } from './visible';

type Plural = { readonly one: string; readonly other: string };
type Texts = Readonly<Record<string, string | Plural>>;

/** What a language must have: every key of English, with plural forms where English has them. */
export type Translation<S extends Texts> = { readonly [K in keyof S]: S[K] extends string ? string : Plural };

type Source = typeof en;
export type Key = keyof Source;
export type Catalogue = Translation<Source>;

/** What stands in a slot. Texts from outside are set apart, so that their writing direction ends with them. */
export type Value = string | number | { text: string | number; href?: string; outside?: boolean };

type TextOf<M> = M extends string ? M : M extends Plural ? M['one'] | M['other'] : never;
type SlotsIn<T extends string> = T extends `${string}{${infer Slot}}${infer Rest}` ? Slot | SlotsIn<Rest> : never;
type SlotOf<S extends Texts, K extends keyof S> = K extends keyof S ? SlotsIn<TextOf<S[K]>> : never;
type Counting<S extends Texts, K extends keyof S> = K extends keyof S ? (S[K] extends string ? never : 'n') : never;
type Values<S extends Texts, K extends keyof S> = [SlotOf<S, K> | Counting<S, K>] extends [never]
  ? []
  : [{ readonly [N in SlotOf<S, K> | Counting<S, K>]: Value }];

export const LANGUAGES = ['en', 'de', 'nl'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language by its own name. */
export const OWN_NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch', nl: 'Nederlands' };

const load: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  de: async () => (await import('./de')).de,
  nl: async () => (await import('./nl')).nl,
};

const STORED = 'sordino.language';

class Speech {
  language = $state<Language>('en');
  /** The language with the viewer's region, for numbers and dates. */
  locale = $state('en');
  catalogue = $state.raw<Catalogue>();
}

const speech = new Speech();

export const language = (): Language => speech.language;
export const locale = (): string => speech.locale;

/** Speaks the stored language, else the first of the browser's that we have. */
export async function speakFirst(): Promise<void> {
  const stored = localStorage.getItem(STORED);
  const wished = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  await use(LANGUAGES.find((l) => l === stored) ?? wished.map(ours).find((l) => l !== undefined) ?? 'en');
}

/** Speaks `language` from now on, also after a reload. */
export async function speak(language: Language): Promise<void> {
  await use(language);
  localStorage.setItem(STORED, language);
}

async function use(language: Language): Promise<void> {
  speech.catalogue = await load[language]();
  speech.language = language;
  speech.locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
  document.documentElement.lang = language;
  void learn(language);
}

function ours(tag: string): Language | undefined {
  return LANGUAGES.find((language) => language === tag);
}

export interface Part {
  text: string;
  href?: string;
  outside: boolean;
}

/** A message in pieces, so that a slot can be a link or a text from outside. */
export function say<K extends Key>(key: K, ...values: Values<Source, K>): Part[] {
  return parts(speech.catalogue, key, values[0] ?? {});
}

/** A message as plain text. */
export function t<K extends Key>(key: K, ...values: Values<Source, K>): string {
  return joined(parts(speech.catalogue, key, values[0] ?? {}));
}

/** The same for texts that only one page needs, which come with it and are no part of the first load. */
export function speaking<S extends Texts>(texts: Readonly<Record<Language, Translation<S>>> & { readonly en: S }) {
  return {
    say: <K extends keyof S & string>(key: K, ...values: Values<S, K>): Part[] => parts(texts[speech.language], key, values[0] ?? {}),
    t: <K extends keyof S & string>(key: K, ...values: Values<S, K>): string => joined(parts(texts[speech.language], key, values[0] ?? {})),
  };
}

function parts(texts: Texts | undefined, key: string, slots: Readonly<Record<string, Value>>): Part[] {
  return message(texts?.[key], key, slots)
    .split(/\{(\w+)\}/)
    .map((piece, place) => (place % 2 === 0 ? { text: piece, outside: false } : filled(slots[piece])))
    .filter((part) => part.text !== '');
}

function joined(parts: readonly Part[]): string {
  return parts.map((part) => (part.outside ? isolated(part.text) : part.text)).join('');
}

function message(found: string | Plural | undefined, key: string, slots: Readonly<Record<string, Value>>): string {
  if (found === undefined) return key;
  if (typeof found === 'string') return found;
  const n = slots['n'];
  const count = typeof n === 'object' ? n.text : n;
  return new Intl.PluralRules(speech.locale).select(Number(count)) === 'one' ? found.one : found.other;
}

function filled(value: Value | undefined): Part {
  if (value === undefined) return { text: '', outside: false };
  if (typeof value !== 'object') return { text: written(value), outside: false };
  return { text: written(value.text), href: value.href, outside: value.outside ?? false };
}

function written(value: string | number): string {
  return typeof value === 'number' ? new Intl.NumberFormat(speech.locale).format(value) : value;
}
