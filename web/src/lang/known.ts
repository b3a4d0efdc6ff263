import type { KnownList } from '../api/types';
import type { Language } from './lang.svelte';

// The server tells of well-known lists in English; here are the same sentences for the other languages. One that
// is missing is shown in English, marked as such.
const ABOUT: Record<Exclude<Language, 'en'>, Readonly<Record<string, string>>> = {
  de: {
    'hagezi-xiaomi': 'Was Xiaomi in Handys, Fernseher und Boxen an Trackern einbaut.',
    'hagezi-huawei': 'Was Huawei in Handys an Trackern einbaut.',
    'hagezi-oppo-realme': 'Was OPPO und realme in Handys an Trackern einbauen.',
    'hagezi-vivo': 'Was vivo in Handys an Trackern einbaut.',
    'hagezi-samsung': 'Was Samsung in Handys und Fernseher an Trackern einbaut.',
    'hagezi-apple': 'Was Apple in seine Geräte an Trackern einbaut.',
    'hagezi-amazon': 'Was Amazon in seine Geräte an Trackern einbaut: Alexa, Fire TV.',
    'hagezi-winoffice': 'Was Microsoft in Windows und Office an Trackern einbaut.',
    'hagezi-tiktok': 'Die Tracker der TikTok-App.',
    'hagezi-lgwebos': 'Was LG in Fernseher an Trackern einbaut.',
    'hagezi-roku': 'Was Roku in Abspielgeräte und Fernseher an Trackern einbaut.',
    'hagezi-light': 'Die kleinste der allgemeinen Listen von hagezi, gemacht, damit nichts kaputtgeht.',
    'hagezi-normal': 'Werbung, Tracking und schädliche Namen, für jeden Haushalt.',
    'hagezi-pro': 'Mehr als „normal“, mit ein paar Namen, die irgendwo fehlen könnten.',
    'hagezi-pro-plus': 'Die strenge; rechne damit, ab und zu einen Namen zu erlauben.',
    'oisd-small': 'Vor allem Werbung, gemacht, damit nichts kaputtgeht.',
    'oisd-big': 'Werbung, Tracking und schädliche Namen, gemacht, damit nichts kaputtgeht.',
    stevenblack: 'Mehrere bekannte hosts-Dateien in einer.',
    'adguard-dns': 'Die Filter von AdGuard für Browser, soweit Namen sie ausdrücken können.',
    '1hosts-lite': 'Werbung und Tracking, die vorsichtige Ausgabe.',
    adaway: 'Werbung in Apps auf Handys.',
    easyprivacy: 'Die Namen aus EasyPrivacy, einer Liste gegen Tracking, als hosts-Datei.',
  },
  nl: {
    'hagezi-xiaomi': 'Trackers die Xiaomi inbouwt in telefoons, televisies en boxen.',
    'hagezi-huawei': 'Trackers die Huawei inbouwt in telefoons.',
    'hagezi-oppo-realme': 'Trackers die OPPO en realme inbouwen in telefoons.',
    'hagezi-vivo': 'Trackers die vivo inbouwt in telefoons.',
    'hagezi-samsung': 'Trackers die Samsung inbouwt in telefoons en televisies.',
    'hagezi-apple': 'Trackers die Apple inbouwt in zijn apparaten.',
    'hagezi-amazon': 'Trackers die Amazon inbouwt in zijn apparaten: Alexa, Fire TV.',
    'hagezi-winoffice': 'Trackers die Microsoft inbouwt in Windows en Office.',
    'hagezi-tiktok': 'De trackers van de TikTok-app.',
    'hagezi-lgwebos': 'Trackers die LG inbouwt in televisies.',
    'hagezi-roku': 'Trackers die Roku inbouwt in spelers en televisies.',
    'hagezi-light': 'De kleinste van hagezi’s algemene lijsten, gemaakt om niets te breken.',
    'hagezi-normal': 'Reclame, tracking en schadelijke namen, voor ieder huis.',
    'hagezi-pro': 'Meer dan ‘normal’, met een paar namen die ergens gemist kunnen worden.',
    'hagezi-pro-plus': 'De strenge; reken erop dat je af en toe een naam moet toestaan.',
    'oisd-small': 'Vooral reclame, gemaakt om niets te breken.',
    'oisd-big': 'Reclame, tracking en schadelijke namen, gemaakt om niets te breken.',
    stevenblack: 'Meerdere bekende hosts-bestanden in één.',
    'adguard-dns': 'De filters van AdGuard voor browsers, voor zover namen ze kunnen uitdrukken.',
    '1hosts-lite': 'Reclame en tracking, de voorzichtige uitgave.',
    adaway: 'Reclame in apps op telefoons.',
    easyprivacy: 'De namen uit EasyPrivacy, een lijst tegen tracking, als hosts-bestand.',
  },
};

/** What a well-known list is, and the language it is told in. */
export function aboutKnown({ name, about }: Pick<KnownList, 'name' | 'about'>, language: Language): { text: string; lang: Language } {
  const text = language === 'en' ? undefined : ABOUT[language][name];
  return text === undefined ? { text: about, lang: 'en' } : { text, lang: language };
}
