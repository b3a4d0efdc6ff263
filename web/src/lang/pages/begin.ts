import { speaking, type Translation } from '../lang.svelte';

export const en = {
  'begin.title': 'Point your devices here',
  'begin.lead': 'sordino mutes and shows what is asked here. Begin with one device, or with the router for all of them.',
  'begin.check': 'Is it working?',
  'begin.wait': 'Waiting for a question. Point a device here and open any page on it; this notices by itself.',
  'begin.seen': 'It works: {device} asked for {name} at {time}.',
  'begin.address': 'The address to enter',
  'begin.address.some': 'the address of this machine',
  'begin.address.unknown': 'Open this page by the address of the machine, and it stands here.',
  'begin.alone': 'sordino hears programs on its own machine only. Set listen under [dns] in config.toml to an address that devices reach.',
  'begin.port': 'It listens on port {port}; devices ask on port 53 and cannot be told another one. Set it under [dns] in config.toml.',
  'begin.how': 'How',
  'begin.how.more': 'The router covers the whole house. Names of menus differ from version to version.',
  'begin.next': 'And then',
  'begin.next.lists': 'Choose what is muted, and what is only watched at first',
  'begin.next.upstream': 'See which forwarders are asked',
  'begin.next.who': 'Devices of your own network may ask; others are not answered. config.toml says so under [dns] allow_from.',
} as const;

export const de: Translation<typeof en> = {
  'begin.title': 'Richte deine Geräte hierher',
  'begin.lead': 'sordino schaltet stumm und zeigt, wonach hier gefragt wird. Fang mit einem Gerät an, oder mit dem Router für alle.',
  'begin.check': 'Geht es?',
  'begin.wait': 'Wartet auf eine Frage. Richte ein Gerät hierher und öffne darauf irgendeine Seite; das hier merkt es von selbst.',
  'begin.seen': 'Es geht: {device} hat um {time} nach {name} gefragt.',
  'begin.address': 'Die Adresse zum Eintragen',
  'begin.address.some': 'die Adresse dieses Rechners',
  'begin.address.unknown': 'Öffne diese Seite über die Adresse des Rechners, dann steht sie hier.',
  'begin.alone': 'sordino hört nur Programme auf seinem eigenen Rechner. Setze listen unter [dns] in config.toml auf eine Adresse, die Geräte erreichen.',
  'begin.port': 'Es hört auf Port {port}; Geräte fragen auf Port 53, und einen anderen kann man ihnen nicht sagen. Setze ihn unter [dns] in config.toml.',
  'begin.how': 'Wie',
  'begin.how.more': 'Der Router deckt das ganze Haus ab. Menüs heißen von Version zu Version anders.',
  'begin.next': 'Und dann',
  'begin.next.lists': 'Wähle, was stumm wird und was erst nur beobachtet',
  'begin.next.upstream': 'Sieh, welche Forwarder gefragt werden',
  'begin.next.who': 'Geräte deines eigenen Netzes dürfen fragen; andere bekommen keine Antwort. Das sagt config.toml unter [dns] allow_from.',
};

export const nl: Translation<typeof en> = {
  'begin.title': 'Richt je apparaten hierheen',
  'begin.lead': 'sordino dempt en toont wat hier gevraagd wordt. Begin met één apparaat, of met de router voor allemaal.',
  'begin.check': 'Werkt het?',
  'begin.wait': 'Wacht op een vraag. Richt een apparaat hierheen en open er een pagina op; dit merkt het vanzelf.',
  'begin.seen': 'Het werkt: {device} vroeg om {time} naar {name}.',
  'begin.address': 'Het adres om in te vullen',
  'begin.address.some': 'het adres van deze machine',
  'begin.address.unknown': 'Open deze pagina via het adres van de machine, dan staat het hier.',
  'begin.alone': 'sordino hoort alleen programma’s op zijn eigen machine. Zet listen onder [dns] in config.toml op een adres dat apparaten bereiken.',
  'begin.port': 'Het luistert op poort {port}; apparaten vragen op poort 53 en een andere kun je ze niet opgeven. Stel die in onder [dns] in config.toml.',
  'begin.how': 'Hoe',
  'begin.how.more': 'De router dekt het hele huis. Menu’s heten per versie anders.',
  'begin.next': 'En dan',
  'begin.next.lists': 'Kies wat gedempt wordt en wat eerst alleen gevolgd',
  'begin.next.upstream': 'Bekijk welke forwarders gevraagd worden',
  'begin.next.who': 'Apparaten van je eigen netwerk mogen vragen; andere krijgen geen antwoord. Dat staat in config.toml onder [dns] allow_from.',
};

/** The first run, in words. */
export const words = speaking({ en, de, nl });
