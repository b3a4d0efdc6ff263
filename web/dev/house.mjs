// A made-up household, the same at every start: who asks for what, how often, at which hours.
// Labels are shaped like the catalogue's; wording and rates are inventions for looking at pages.

const label = (vendor, product, purpose, sends, breaks, regions, cls = 'block') => ({
  vendor, product, purpose, sends, breaks, regions, class: cls, sources: ['development data'],
});

const L = {
  mistat: label('Xiaomi', 'MiStat', 'analytics', 'Which preinstalled apps are opened and closed, and their page views.', '', ['SG']),
  msa: label('Xiaomi', 'MSA', 'ads', 'Requests for advertising in system apps, and what was seen of it.', 'Advertising in system apps disappears.', ['SG', 'CN']),
  tracking: label('Xiaomi', 'OneTrack', 'analytics', 'Events of system apps with an identifier of the device.', '', ['SG']),
  mqs: label('Xiaomi', 'MIUI Quality Service', 'crash', 'Crash and kernel logs of the phone.', '', ['SG']),
  mipush: label('Xiaomi', 'Mi Push', 'push', 'Keeps a connection open for messages of Chinese apps.', 'Push messages of some apps arrive late.', ['SG'], 'watch'),
  sensors: label('Sensors Data', 'Sensors Analytics', 'analytics', 'Pages opened in the browser that came with the phone.', '', ['CN']),
  firebase: label('Google', 'Firebase Analytics', 'analytics', 'App events with an identifier of the installation.', '', ['US', 'EU']),
  crashlytics: label('Google', 'Crashlytics', 'crash', 'Crash reports of apps.', '', ['US']),
  doubleclick: label('Google', 'Google Ads', 'ads', 'Advertising requests of apps and pages.', 'Links in search advertising may not open.', ['US', 'EU']),
  appsflyer: label('AppsFlyer', 'AppsFlyer', 'analytics', 'Which advert led to an installation, and what the app is used for.', '', ['US', 'IL']),
  samsungad: label('Samsung', 'Samsung Ads', 'ads', 'Advertising on the home screen of the TV.', 'Tiles on the home screen stay empty.', ['US', 'KR']),
  acr: label('Samsung', 'Viewing information', 'tv-acr', 'Fingerprints of what is on the screen, whatever it comes from.', '', ['US']),
  samsunglog: label('Samsung', 'TV log', 'analytics', 'Which keys of the remote control are used, which apps are opened.', '', ['KR']),
  netflix: label('Netflix', 'Netflix logs', 'analytics', 'Playback events and errors.', 'Some versions of the app stall on start.', ['US'], 'watch'),
  vortex: label('Microsoft', 'Windows diagnostics', 'analytics', 'Use of programs and settings, with an identifier of the computer.', '', ['US', 'EU']),
  watson: label('Microsoft', 'Error Reporting', 'crash', 'Crash reports, now and then with a piece of memory.', '', ['US']),
  firefox: label('Mozilla', 'Firefox telemetry', 'browser', 'Performance and use of the browser.', '', ['US']),
  apple: label('Apple', 'App Store metrics', 'analytics', 'What is looked at and tapped in the store.', '', ['US']),
  applefeed: label('Apple', 'Diagnostics', 'crash', 'Analytics and crash reports of the system.', '', ['US'], 'watch'),
  dreame: label('Dreame', 'Dreame statistics', 'analytics', 'Runs, maps and errors of the robot.', '', ['CN', 'EU']),
  sonos: label('Sonos', 'Sonos metrics', 'analytics', 'Playback and network events of the speaker.', '', ['US']),
};

const always = () => 1;
const waking = (hour) => (hour < 6 ? 0.03 : hour < 8 ? 0.5 : hour < 17 ? 0.7 : hour < 23 ? 1.3 : 0.4);
const evening = (hour, day) => (hour >= 18 && hour < 23 ? 1.6 : day % 6 === 0 && hour > 9 ? 0.7 : 0.04);
const office = (hour, day) => (day % 6 === 0 ? 0.12 : hour >= 8 && hour < 18 ? 1.2 : 0.05);
const morning = (hour) => (hour === 10 ? 4 : 0.08);

// [name, questions an hour, rhythm, label, action of the lists]
const n = (name, rate, rhythm, known, action) => ({ name, rate, rhythm, label: known ?? null, action: action ?? (known ? (known.class === 'watch' ? 'watch' : 'block') : 'pass') });

const plain = (rate, ...names) => names.map((name, i) => n(name, rate / (1 + i * 0.45), waking));

export const DEVICES = [
  {
    id: 'mac-3c:5a:b4:01:02:03', name: 'Redmi Note 8 · Anna’s phone', mac: '3c:5a:b4:01:02:03', addresses: ['192.168.1.21', 'fd00::3e5a:b4ff:fe01:203'],
    asks: [
      n('data.mistat.intl.xiaomi.com', 9, always, L.mistat), n('tracking.intl.miui.com', 6.5, always, L.tracking), n('api.ad.intl.xiaomi.com', 2.2, waking, L.msa),
      n('sdkconfig.ad.intl.xiaomi.com', 1.1, always, L.msa), n('globalapi.ad.xiaomi.com', 0.9, waking, L.msa), n('mqs-log.miui.com', 0.35, always, L.mqs),
      n('resolver.msg.global.xiaomi.net', 1.4, always, L.mipush), n('sa-api.api.intl.miui.com', 1.6, waking, L.sensors), n('app-measurement.com', 2.9, waking, L.firebase),
      n('firebase-crashlytics-reports.googleapis.com', 0.3, waking, L.crashlytics), n('googleads.g.doubleclick.net', 2.6, waking, L.doubleclick), n('launches.appsflyersdk.com', 0.7, waking, L.appsflyer),
      n('account.xiaomi.com', 0.2, waking, null, 'allow'), ...plain(7, 'mtalk.google.com', 'www.google.com', 'play.googleapis.com', 'graph.instagram.com', 'media.whatsapp.net', 'g.whatsapp.net', 'www.wikipedia.org', 'fonts.gstatic.com', 'i.ytimg.com', 'api.weather.example', 'connectivitycheck.gstatic.com', 'time.android.com', 'calendar.google.com', 'photos.googleapis.com', 'maps.googleapis.com', 'duolingo.com', 'xn--mnchen-3ya.example'),
    ],
  },
  {
    id: 'mac-8c:79:f5:20:aa:10', name: 'Living-room TV', mac: '8c:79:f5:20:aa:10', addresses: ['192.168.1.30'], fixed: true,
    asks: [
      n('samsungads.com', 3.1, evening, L.samsungad), n('config.samsungads.com', 2.5, always, L.samsungad), n('log-config.samsungacr.com', 5.2, evening, L.acr), n('acr-eu-prd.samsungcloud.tv', 7.5, evening, L.acr),
      n('rmfix.samsungcloudsolution.com', 0.6, always, L.samsunglog), n('logs.netflix.com', 6, evening, L.netflix), n('ichnaea.netflix.com', 2.2, evening, L.netflix, 'block'),
      n('api-global.netflix.com', 4, evening), n('occ-0-769-768.1.nflxso.net', 8, evening), n('www.youtube.com', 3, evening), n('time.samsungcloudsolution.com', 1, always), n('cdn.samsungcloudsolution.com', 2, evening),
    ],
  },
  {
    id: 'mac-a4:c3:f0:11:22:33', name: 'Ben’s laptop', mac: 'a4:c3:f0:11:22:33', addresses: ['192.168.1.22', 'fd00::a6c3:f0ff:fe11:2233', '2001:db8:7::a6c3:f0ff:fe11:2233'],
    asks: [
      n('v10.events.data.microsoft.com', 6.4, office, L.vortex), n('settings-win.data.microsoft.com', 1.6, office, L.vortex), n('watson.events.data.microsoft.com', 0.3, office, L.watson), n('incoming.telemetry.mozilla.org', 2.4, office, L.firefox), n('googleads.g.doubleclick.net', 3.2, office, L.doubleclick), n('www.google-analytics.com', 4.4, office, L.firebase),
      ...['github.com', 'www.google.com', 'docs.rs', 'static.crates.io', 'login.microsoftonline.com', 'outlook.office365.com', 'teams.microsoft.com', 'www.heise.de', 'ntp.ubuntu.com', 'cdn.jsdelivr.net', 'api.github.com', 'news.ycombinator.com', 'fonts.gstatic.com', 'duckduckgo.com'].map((name, i) => n(name, 16 / (1 + i * 0.5), office)),
    ],
  },
  {
    id: 'mac-7a:11:9c:5e:00:42', name: 'iPhone', mac: '7a:11:9c:5e:00:42', random: true, addresses: ['192.168.1.24'],
    asks: [n('metrics.icloud.com', 1.6, waking, L.apple), n('xp.apple.com', 2.1, waking, L.apple), n('iphonesubmissions.apple.com', 0.12, always, L.applefeed), n('app-measurement.com', 1.9, waking, L.firebase), n('events.appsflyersdk.com', 0.8, waking, L.appsflyer), ...plain(8, 'gateway.icloud.com', 'gspe1-ssl.ls.apple.com', 'push.apple.com', 'www.apple.com', 'imap.mail.example', 'open.spotify.com', 'api.twitter.com')],
  },
  {
    id: 'mac-b0:4a:39:77:88:99', name: 'Robot vacuum', mac: 'b0:4a:39:77:88:99', addresses: ['192.168.1.41'],
    asks: [n('bi.dreame.com', 4.1, always, L.dreame), n('collect.dreame.com', 1.2, morning, L.dreame), n('eu.iot.dreame.tech', 6, always), n('ntp.aliyun.com', 0.5, always), n('awsde0-file.oss.aliyuncs.com', 0.4, morning)],
  },
  {
    id: 'mac-54:2a:1b:aa:bb:cc', name: 'Kitchen speaker', mac: '54:2a:1b:aa:bb:cc', addresses: ['192.168.1.35'],
    asks: [n('msmetrics.ws.sonos.com', 3.4, always, L.sonos), n('analytics.sonos.com', 0.8, waking, L.sonos), n('update-firmware.sonos.com', 0.2, always), n('ws.sonos.com', 1.5, waking), n('spclient.wg.spotify.com', 3, waking), n('opml.radiotime.com', 1.2, waking)],
  },
  { id: 'ip-192.168.1.77', name: '192.168.1.77', mac: null, addresses: ['192.168.1.77'], asks: [n('pool.ntp.org', 1, always), n('connectivitycheck.gstatic.com', 0.6, always)] },
  {
    id: 'mac-02:de:ad:be:ef:01', name: '<b>printer</b>\u202Egnp.exe', mac: '02:de:ad:be:ef:01', random: true, addresses: ['192.168.1.60'],
    asks: [n('a-very-long-label-that-somebody-chose-to-see-what-a-page-does-with.it.and-another-one-behind-it.example', 0.4, always), n('www.printer.example', 0.8, office)],
  },
];

export const LISTS = [
  { name: 'xiaomi', group: 'catalogue', source: 'blocklists/xiaomi.toml', action: 'block', format: 'catalogue', trusted: true, names: 214 },
  { name: 'analytics-sdks', group: 'catalogue', source: 'blocklists/sdks.toml', action: 'block', format: 'catalogue', trusted: true, names: 388 },
  { name: 'tv', group: 'catalogue', source: 'blocklists/tv.toml', action: 'block', format: 'catalogue', trusted: true, names: 161 },
  {
    name: 'my-hosts', group: null, source: '/etc/sordino/hosts.txt', action: 'block', format: 'hosts', trusted: false, names: 1_204, rejected: 3,
    examples: [
      { line: 17, class: 'not_a_name', why: '“ads..example” has an empty label.' },
      { line: 88, class: 'address', why: '“300.1.2.3” is not an address.' },
      { line: 1_190, class: 'unsupported_modifier', why: 'The modifier “$popup” means nothing to a DNS server.' },
    ],
  },
  { name: 'look-at-these', group: null, source: 'https://lists.example/watch.txt', action: 'watch', format: 'names', trusted: false, names: 0, problem: 'lists.example answered with a web page instead of a list; nothing of it is in force. Check the address under [[list]].' },
  { name: 'never-mute', group: null, source: 'blocklists/never.txt', action: 'allow', format: 'names', trusted: true, names: 42 },
];

const HOUR = 3_600_000;

/** Every question counted: device × name × hour, from `days` ago up to `now`. */
export function tallies(now, days) {
  const random = generator(20_261_121);
  const first = Math.floor(now / HOUR) * HOUR - days * 24 * HOUR;
  const all = [];
  for (const device of DEVICES) {
    for (const ask of device.asks) {
      for (let hour = first; hour <= now; hour += HOUR) {
        const at = new Date(hour);
        const part = Math.min(1, (now - hour) / HOUR);
        const expected = ask.rate * ask.rhythm(at.getHours(), at.getDay()) * part;
        const count = Math.floor(expected * (0.55 + 0.9 * random()) + random());
        if (count > 0) all.push({ device: device.id, name: ask.name, label: ask.label, action: ask.action, hour, count });
      }
    }
  }
  return all;
}

/** One question of somebody, now. */
export function question(random, at) {
  const device = DEVICES[Math.floor(random() * random() * DEVICES.length)] ?? DEVICES[0];
  const weights = device.asks.map((ask) => ask.rate * (0.2 + ask.rhythm(new Date(at).getHours(), new Date(at).getDay())));
  let left = random() * weights.reduce((a, b) => a + b, 0);
  const ask = device.asks[weights.findIndex((weight) => (left -= weight) <= 0)] ?? device.asks[0];
  return { device, ask };
}

/** Numbers from 0 to 1, always the same row for one seed (mulberry32). */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
