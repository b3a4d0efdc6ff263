import type { Language } from './lang.svelte';

/** How each kind of device is told which DNS server to ask. `{address}` is the address of this machine. */
export const KINDS = ['router', 'fritz', 'openwrt', 'android', 'iphone', 'windows', 'mac'] as const;
export type Kind = (typeof KINDS)[number];

/** What a kind is called, and what to do, step by step. */
export interface Way {
  name: string;
  steps: readonly string[];
}

type Ways = Readonly<Record<Kind, Way>>;

const en: Ways = {
  router: { name: 'Any router', steps: ['Open the page of your router; its address is often on a label below it.', 'Look for DHCP or LAN, and there for the DNS server that devices are given.', 'Enter {address} as the first one, and leave the second empty: devices would ask it past sordino.', 'Switch the wireless network of a device off and on; it asks here from then on.'] },
  fritz: { name: 'FRITZ!Box', steps: ['Open fritz.box, then Home Network, Network, Network Settings.', 'Open “Additional settings” and there the IPv4 settings.', 'Enter {address} as “Local DNS server” and apply.', 'In the IPv6 settings of the same page switch off that the box announces itself as DNS server, or enter the IPv6 address of this machine.'] },
  openwrt: { name: 'OpenWrt', steps: ['Open Network, Interfaces, LAN, Edit, then DHCP Server, Advanced Settings.', 'Add the DHCP option 6,{address} and save.', 'Or on the command line: uci add_list dhcp.lan.dhcp_option=6,{address} and then uci commit dhcp, service dnsmasq restart.'] },
  android: { name: 'Android', steps: ['Open Settings, Network and internet, Internet, and there the gear of your wireless network.', 'Choose the pencil, then Advanced options, and set IP settings to Static.', 'Enter {address} as DNS 1 and leave DNS 2 empty.', 'Under Network and internet, Private DNS, choose Off; else the phone asks another server.'] },
  iphone: { name: 'iPhone and iPad', steps: ['Open Settings, Wi-Fi, and there the (i) of your network.', 'Choose Configure DNS, then Manual.', 'Remove what is listed, add {address}, and save.', 'In Settings, your name, iCloud, switch Private Relay off for this network.'] },
  windows: { name: 'Windows', steps: ['Open Settings, Network and internet, and there your Wi-Fi or Ethernet.', 'Choose Hardware properties, then Edit beside DNS server assignment, and Manual.', 'Switch IPv4 on, enter {address} as preferred DNS, and save.'] },
  mac: { name: 'Mac', steps: ['Open System Settings, Network, choose your connection, then Details.', 'Choose DNS, press plus, and enter {address}.', 'Remove the other servers, and press OK.'] },
};

const de: Ways = {
  router: { name: 'Router allgemein', steps: ['Öffne die Seite deines Routers; ihre Adresse steht oft auf einem Aufkleber darunter.', 'Suche DHCP oder LAN und dort den DNS-Server, den Geräte bekommen.', 'Trage {address} als ersten ein und lass den zweiten leer: Geräte würden ihn an sordino vorbei fragen.', 'Schalte das WLAN eines Geräts aus und wieder ein; von da an fragt es hier.'] },
  fritz: { name: 'FRITZ!Box', steps: ['Öffne fritz.box, dann Heimnetz, Netzwerk, Netzwerkeinstellungen.', 'Öffne „Weitere Einstellungen“ und dort die IPv4-Einstellungen.', 'Trage {address} als „Lokaler DNS-Server“ ein und übernimm es.', 'Schalte in den IPv6-Einstellungen derselben Seite aus, dass die Box sich als DNS-Server bekannt gibt, oder trage die IPv6-Adresse dieses Rechners ein.'] },
  openwrt: { name: 'OpenWrt', steps: ['Öffne Netzwerk, Schnittstellen, LAN, Bearbeiten, dann DHCP-Server, Erweiterte Einstellungen.', 'Füge die DHCP-Option 6,{address} hinzu und speichere.', 'Oder auf der Kommandozeile: uci add_list dhcp.lan.dhcp_option=6,{address} und danach uci commit dhcp, service dnsmasq restart.'] },
  android: { name: 'Android', steps: ['Öffne Einstellungen, Netzwerk und Internet, Internet, und dort das Zahnrad deines WLANs.', 'Wähle den Stift, dann Erweiterte Optionen, und stelle IP-Einstellungen auf Statisch.', 'Trage {address} als DNS 1 ein und lass DNS 2 leer.', 'Wähle unter Netzwerk und Internet, Privates DNS: Aus; sonst fragt das Telefon einen anderen Server.'] },
  iphone: { name: 'iPhone und iPad', steps: ['Öffne Einstellungen, WLAN, und dort das (i) deines Netzes.', 'Wähle DNS konfigurieren, dann Manuell.', 'Entferne, was dort steht, füge {address} hinzu und sichere.', 'Schalte in Einstellungen, dein Name, iCloud das Privat-Relay für dieses Netz aus.'] },
  windows: { name: 'Windows', steps: ['Öffne Einstellungen, Netzwerk und Internet, und dort dein WLAN oder Ethernet.', 'Wähle Hardwareeigenschaften, dann Bearbeiten neben der DNS-Serverzuweisung, und Manuell.', 'Schalte IPv4 ein, trage {address} als bevorzugten DNS ein und speichere.'] },
  mac: { name: 'Mac', steps: ['Öffne Systemeinstellungen, Netzwerk, wähle deine Verbindung, dann Details.', 'Wähle DNS, drücke Plus und trage {address} ein.', 'Entferne die anderen Server und drücke OK.'] },
};

const nl: Ways = {
  router: { name: 'Router in het algemeen', steps: ['Open de pagina van je router; het adres staat vaak op een sticker eronder.', 'Zoek DHCP of LAN, en daar de DNS-server die apparaten krijgen.', 'Vul {address} in als eerste en laat de tweede leeg: apparaten zouden die buiten sordino om vragen.', 'Zet de wifi van een apparaat uit en weer aan; vanaf dan vraagt het hier.'] },
  fritz: { name: 'FRITZ!Box', steps: ['Open fritz.box, dan Thuisnetwerk, Netwerk, Netwerkinstellingen.', 'Open ‘Meer instellingen’ en daar de IPv4-instellingen.', 'Vul {address} in als ‘Lokale DNS-server’ en pas toe.', 'Zet in de IPv6-instellingen op dezelfde pagina uit dat de box zichzelf als DNS-server aankondigt, of vul het IPv6-adres van deze machine in.'] },
  openwrt: { name: 'OpenWrt', steps: ['Open Network, Interfaces, LAN, Edit, dan DHCP Server, Advanced Settings.', 'Voeg de DHCP-optie 6,{address} toe en sla op.', 'Of op de opdrachtregel: uci add_list dhcp.lan.dhcp_option=6,{address} en dan uci commit dhcp, service dnsmasq restart.'] },
  android: { name: 'Android', steps: ['Open Instellingen, Netwerk en internet, Internet, en daar het tandwiel van je wifi.', 'Kies het potlood, dan Geavanceerde opties, en zet IP-instellingen op Statisch.', 'Vul {address} in als DNS 1 en laat DNS 2 leeg.', 'Kies onder Netwerk en internet, Privé-DNS: Uit; anders vraagt de telefoon een andere server.'] },
  iphone: { name: 'iPhone en iPad', steps: ['Open Instellingen, Wifi, en daar de (i) van je netwerk.', 'Kies Configureer DNS, dan Handmatig.', 'Verwijder wat er staat, voeg {address} toe en bewaar.', 'Zet in Instellingen, je naam, iCloud de Privédoorgifte uit voor dit netwerk.'] },
  windows: { name: 'Windows', steps: ['Open Instellingen, Netwerk en internet, en daar je wifi of ethernet.', 'Kies Hardware-eigenschappen, dan Bewerken naast DNS-servertoewijzing, en Handmatig.', 'Zet IPv4 aan, vul {address} in als voorkeurs-DNS en sla op.'] },
  mac: { name: 'Mac', steps: ['Open Systeeminstellingen, Netwerk, kies je verbinding, dan Details.', 'Kies DNS, druk op plus en vul {address} in.', 'Verwijder de andere servers en druk op OK.'] },
};

const WAYS: Record<Language, Ways> = { en, de, nl };

/** What is told in `language`. */
export const waysIn = (language: Language): Ways => WAYS[language];
