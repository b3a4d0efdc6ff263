import { speaking, type Translation } from '../lang.svelte';

/** On which step of the order of decision a rule stands, under the words that the API has for it. What a verdict says by itself is left out. Then what decided where no rule did, and who changes that. */
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
  'a name of the house: it is answered here, and no list is asked': 'A name of the house: it is answered here, and no list is asked.',
  'a way around sordino that is closed': 'A way around sordino, which is closed.',
  'a forwarder or a server of lists is called so: no list may mute this name': 'One of your forwarders or servers of lists is called so: no list may mute it.',
  'a forwarder or a server of lists is called so: no list may mute this name, and none would': 'One of your forwarders or servers of lists is called so: no list may mute it, and none would.',
  'kept.[[local]]': 'You change it under Names of the house, or in config.toml.',
  'kept.bypass': 'You change it under [bypass] in config.toml. A rule of your own wins over it.',
  'kept.essential': 'It ends when no forwarder and no list needs the name any more. A rule of your own wins over it.',
  'rebinding': 'The answer came from outside and leads to an address inside the house. It was held back, so that no foreign page looks into your house.',
  'kept.rebinding': 'Is it a server of your own? Then allow the name, or write it under [rebinding] in config.toml.',
  'then': 'This decided when it was asked, and is not in force for it now.',
  'now': 'Now no rule names it.',
  'itself': 'sordino knows this name itself, and asks nobody.',
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
  'a name of the house: it is answered here, and no list is asked': 'Ein Name des Hauses: Er wird hier beantwortet, und keine Liste wird gefragt.',
  'a way around sordino that is closed': 'Ein Weg an sordino vorbei; er ist geschlossen.',
  'a forwarder or a server of lists is called so: no list may mute this name': 'So heißt einer deiner Forwarder oder der Server einer Liste: Keine Liste darf diesen Namen stummschalten.',
  'a forwarder or a server of lists is called so: no list may mute this name, and none would': 'So heißt einer deiner Forwarder oder der Server einer Liste: Keine Liste darf diesen Namen stummschalten, und keine täte es.',
  'kept.[[local]]': 'Du änderst ihn unter Namen des Hauses oder in config.toml.',
  'kept.bypass': 'Du änderst das in config.toml unter [bypass]. Eine eigene Regel hat Vorrang.',
  'kept.essential': 'Das endet, wenn kein Forwarder und keine Liste den Namen mehr braucht. Eine eigene Regel hat Vorrang.',
  'rebinding': 'Die Antwort kam von außen und führt zu einer Adresse im Haus. Sie wurde zurückgehalten, damit keine fremde Seite in dein Haus schaut.',
  'kept.rebinding': 'Ist es ein eigener Server? Dann erlaube den Namen, oder trag ihn in config.toml unter [rebinding] ein.',
  'then': 'Das hat entschieden, als gefragt wurde, und gilt dafür jetzt nicht mehr.',
  'now': 'Jetzt nennt ihn keine Regel.',
  'itself': 'Diesen Namen kennt sordino selbst und fragt niemanden.',
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
  'a name of the house: it is answered here, and no list is asked': 'Een naam van het huis: hij wordt hier beantwoord, en geen lijst wordt gevraagd.',
  'a way around sordino that is closed': 'Een weg om sordino heen; hij is gesloten.',
  'a forwarder or a server of lists is called so: no list may mute this name': 'Zo heet een van je forwarders of de server van een lijst: geen lijst mag deze naam dempen.',
  'a forwarder or a server of lists is called so: no list may mute this name, and none would': 'Zo heet een van je forwarders of de server van een lijst: geen lijst mag deze naam dempen, en geen zou het doen.',
  'kept.[[local]]': 'Je verandert hem onder Namen van het huis, of in config.toml.',
  'kept.bypass': 'Je verandert dit in config.toml onder [bypass]. Een eigen regel gaat voor.',
  'kept.essential': 'Dit houdt op zodra geen forwarder en geen lijst de naam meer nodig heeft. Een eigen regel gaat voor.',
  'rebinding': 'Het antwoord kwam van buiten en leidt naar een adres in huis. Het is tegengehouden, zodat geen vreemde pagina in je huis kijkt.',
  'kept.rebinding': 'Is het een server van jezelf? Sta de naam dan toe, of zet hem in config.toml onder [rebinding].',
  'then': 'Dit besliste toen er werd gevraagd, en geldt er nu niet meer voor.',
  'now': 'Nu noemt geen regel hem.',
  'itself': 'Deze naam kent sordino zelf; het vraagt niemand.',
};

const words = speaking({ en, de, nl });

type Key = keyof typeof en;
const isKey = (text: string): text is Key => Object.hasOwn(en, text);

export const { t } = words;

/** On which step a rule stands, in the viewer's language; nothing where a newer sordino knows more steps. */
export const stepWords = (precedence: string): string | undefined => (isKey(precedence) ? words.t(precedence) : undefined);

const ROW = /^(?:block|watch|never) (\S+?)( and what is below it)?$/;

/** The name of a rule that the catalogue has, and whether it covers what is below; nothing for a rule in the form of a list. */
export function rowOf(rule: string): { name: string; below: boolean } | undefined {
  const [, name, below] = ROW.exec(rule) ?? [];
  return name === undefined ? undefined : { name, below: below !== undefined };
}

/** What to say of something that decided and is no rule: why, and who changes it. Nothing for a list. */
export function houseWords(list: string): { why: string; kept: string } | undefined {
  const kept = `kept.${list}`;
  return isKey(kept) ? { why: isKey(list) ? words.t(list) : '', kept: words.t(kept) } : undefined;
}
