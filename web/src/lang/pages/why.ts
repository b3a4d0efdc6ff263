import { speaking, type Translation } from '../lang.svelte';

/** On which step of the order of decision a rule stands, under the words that the API has for it. What a verdict says by itself is left out. */
const en = {
  'block': '',
  'watch: counted, never muted': '',
  'guard of the catalogue: no list may mute this name': 'Protected: no list may mute this name.',
  'guard of the catalogue: no list may mute this name, and none would': 'Protected: no list may mute this name, and none would.',
  'guard of the catalogue that is switched off: lists may mute this name': 'Its protection is switched off: lists may mute this name.',
  'an answer of a trusted list, given before any other rule of a list': 'An answer of a trusted list, which goes before the rules of lists.',
  'important exception of a trusted list': 'An important exception of a trusted list.',
  'important block of a trusted list': 'An important rule of a trusted list.',
  'exception, or a list that allows': 'An exception, or a list that allows.',
  'exception in a list that only watches': 'An exception in a list that only watches.',
  'takes away the answers that other rules would give': 'It takes away the answers that other rules would give.',
  'own rule for this device': 'Your own rule for this device.',
  'own rule for this device\'s profile': 'Your own rule for the profile of this device.',
  'own rule for everyone': 'Your own rule for every device.',
  'pause for this device': 'Muting is paused for this device.',
  'pause for this device\'s profile': 'Muting is paused for the profile of this device.',
  'pause for everyone': 'Muting is paused for every device.',
} as const;

const de: Translation<typeof en> = {
  'block': '',
  'watch: counted, never muted': '',
  'guard of the catalogue: no list may mute this name': 'Geschützt: Keine Liste darf diesen Namen stummschalten.',
  'guard of the catalogue: no list may mute this name, and none would': 'Geschützt: Keine Liste darf diesen Namen stummschalten, und keine täte es.',
  'guard of the catalogue that is switched off: lists may mute this name': 'Sein Schutz ist ausgeschaltet: Listen dürfen diesen Namen stummschalten.',
  'an answer of a trusted list, given before any other rule of a list': 'Eine Antwort einer vertrauenswürdigen Liste; sie geht den Regeln der Listen vor.',
  'important exception of a trusted list': 'Eine wichtige Ausnahme einer vertrauenswürdigen Liste.',
  'important block of a trusted list': 'Eine wichtige Regel einer vertrauenswürdigen Liste.',
  'exception, or a list that allows': 'Eine Ausnahme, oder eine Liste, die erlaubt.',
  'exception in a list that only watches': 'Eine Ausnahme in einer Liste, die nur beobachtet.',
  'takes away the answers that other rules would give': 'Sie nimmt die Antworten weg, die andere Regeln gäben.',
  'own rule for this device': 'Deine eigene Regel für dieses Gerät.',
  'own rule for this device\'s profile': 'Deine eigene Regel für das Profil dieses Geräts.',
  'own rule for everyone': 'Deine eigene Regel für jedes Gerät.',
  'pause for this device': 'Für dieses Gerät ist das Stummschalten pausiert.',
  'pause for this device\'s profile': 'Für das Profil dieses Geräts ist das Stummschalten pausiert.',
  'pause for everyone': 'Für alle Geräte ist das Stummschalten pausiert.',
};

const nl: Translation<typeof en> = {
  'block': '',
  'watch: counted, never muted': '',
  'guard of the catalogue: no list may mute this name': 'Beschermd: geen lijst mag deze naam dempen.',
  'guard of the catalogue: no list may mute this name, and none would': 'Beschermd: geen lijst mag deze naam dempen, en geen zou het doen.',
  'guard of the catalogue that is switched off: lists may mute this name': 'De bescherming is uitgeschakeld: lijsten mogen deze naam dempen.',
  'an answer of a trusted list, given before any other rule of a list': 'Een antwoord van een vertrouwde lijst, dat vóór de regels van lijsten gaat.',
  'important exception of a trusted list': 'Een belangrijke uitzondering van een vertrouwde lijst.',
  'important block of a trusted list': 'Een belangrijke regel van een vertrouwde lijst.',
  'exception, or a list that allows': 'Een uitzondering, of een lijst die toestaat.',
  'exception in a list that only watches': 'Een uitzondering in een lijst die alleen volgt.',
  'takes away the answers that other rules would give': 'Hij haalt de antwoorden weg die andere regels zouden geven.',
  'own rule for this device': 'Je eigen regel voor dit apparaat.',
  'own rule for this device\'s profile': 'Je eigen regel voor het profiel van dit apparaat.',
  'own rule for everyone': 'Je eigen regel voor elk apparaat.',
  'pause for this device': 'Voor dit apparaat is het dempen gepauzeerd.',
  'pause for this device\'s profile': 'Voor het profiel van dit apparaat is het dempen gepauzeerd.',
  'pause for everyone': 'Voor elk apparaat is het dempen gepauzeerd.',
};

const words = speaking({ en, de, nl });

type Key = keyof typeof en;
const isKey = (text: string): text is Key => Object.hasOwn(en, text);

/** On which step a rule stands, in the viewer's language; nothing where a newer sordino knows more steps. */
export const stepWords = (precedence: string): string | undefined => (isKey(precedence) ? words.t(precedence) : undefined);

const ROW = /^(?:block|watch|never) (\S+?)( and what is below it)?$/;

/** The name of a rule that the catalogue has, and whether it covers what is below; nothing for a rule in the form of a list. */
export function rowOf(rule: string): { name: string; below: boolean } | undefined {
  const [, name, below] = ROW.exec(rule) ?? [];
  return name === undefined ? undefined : { name, below: below !== undefined };
}
