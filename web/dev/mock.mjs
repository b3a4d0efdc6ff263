// Answers as sordino does, from a made-up household, so that pages can be worked on without a server:
//   npm run build && npm run mock        serves dist/ and the API on http://127.0.0.1:8055, password "calm and quiet"
//   npm run mock & npm run dev           the same with pages that reload while they are edited
// MOCK_STATE=setup starts without a password, MOCK_STATE=empty without any query. PORT chooses another port.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DEVICES, generator, LISTS, question, tallies } from './house.mjs';
import { listsOf } from './lists.mjs';
import { hits, whatIf } from './whatif.mjs';

const PORT = Number(process.env.PORT ?? 8055);
const STATE = process.env.MOCK_STATE ?? 'full';
const PASSWORD = 'calm and quiet';
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const HOUR = 3_600_000;
const STARTED = Date.now() - 9.3 * 24 * HOUR;
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

let password = STATE === 'setup' ? null : PASSWORD;
let rules = [
  { id: 1, name: 'account.xiaomi.com', subtree: true, kind: 'subtree', comment: 'Find Device, after the update', action: 'allow', scope: 'everyone', since: Date.now() - 6 * 24 * HOUR, until: null },
  { id: 2, name: 'config.samsungads.com', subtree: false, kind: 'exact', action: 'allow', scope: { device: 'mac-8c:79:f5:20:aa:10' }, since: Date.now() - 4 * 60_000, until: Date.now() + 6 * 60_000 },
  { id: 3, name: '^metrics?[0-9]+\\.', subtree: false, kind: 'regex', action: 'watch', scope: { profile: 'default' }, since: Date.now() - 3 * 24 * HOUR, until: Date.now() - 2 * 24 * HOUR },
];
let nextRule = 4;
let pauses = [];
let profiles = [{ name: 'default', fixed: true, usual: true, lists: {} }, { name: 'guests', fixed: false, usual: false, lists: { catalogue: 'watch', xiaomi: 'off' } }];
let schedules = [{ name: 'nights', fixed: true, slots: [{ days: [], from: '22:00', to: '06:00' }], uses: [{ list: 'ads', profile: 'guests' }] }];
const placed = new Map();
const names = new Map(DEVICES.map((device) => [device.id, device.name]));
const counted = STATE === 'full' ? tallies(Date.now(), 31) : [];
const journal = [];
const streams = new Set();
const random = generator(7);

const KIND = { pass: 'passed', watch: 'watched', block: 'muted', allow: 'allowed' };
const nothing = () => ({ passed: 0, watched: 0, muted: 0, allowed: 0 });
const total = (c) => c.passed + c.watched + c.muted + c.allowed;

class Refusal extends Error {
  constructor(status, title, detail, headers = {}) {
    super(title);
    Object.assign(this, { status, title, detail, headers });
  }
}

function verdictOf(ask, device, at) {
  const holds = (rule) => (!rule.until || rule.until > at) && (rule.kind === 'regex' ? new RegExp(rule.name).test(ask.name) : rule.name === ask.name || (rule.subtree && ask.name.endsWith(`.${rule.name}`)));
  if (pauses.some((pause) => pause.until > at && (pause.scope === 'everyone' || pause.scope.device === device))) return 'allow';
  const own = rules.filter(holds);
  return (own.find((rule) => rule.scope.device === device) ?? own.find((rule) => rule.scope === 'everyone'))?.action ?? ask.action;
}

let serial = 0;
function event(at) {
  const { device, ask } = question(random, at);
  const verdict = verdictOf(ask, device.id, at);
  const outcome = verdict === 'block' ? 'muted' : random() < 0.55 ? 'cached' : random() < 0.01 ? 'failed' : 'forwarded';
  serial += 1;
  return {
    id: String(serial).padStart(12, '0'), at: Math.round(at), device: device.id, device_name: names.get(device.id), address: device.addresses[0], name: ask.name,
    qtype: ['A', 'AAAA', 'HTTPS'][Math.floor(random() * 2.4)], verdict, outcome, rcode: outcome === 'failed' ? 'SERVFAIL' : 'NOERROR',
    list: verdict === 'pass' ? null : ask.label ? (ask.label.vendor === 'Xiaomi' ? 'xiaomi' : 'analytics-sdks') : 'own', alias: null,
    upstream: outcome === 'forwarded' ? 'tls://dns.quad9.net' : null, transport: random() < 0.97 ? 'udp' : 'tcp',
    took_us: outcome === 'forwarded' ? Math.round(9_000 + random() * 40_000) : Math.round(60 + random() * 300), label: ask.label,
  };
}

if (STATE === 'full') {
  for (let i = 700; i > 0; i -= 1) journal.push(event(Date.now() - i * 9_000 * (0.5 + random())));
  journal.sort((a, b) => a.at - b.at);
  setInterval(() => {
    const one = event(Date.now());
    journal.push(one);
    if (journal.length > 5_000) journal.shift();
    for (const stream of streams) stream.write(`event: query\nid: ${one.id}\ndata: ${JSON.stringify(one)}\n\n`);
  }, 900);
}

const number = (text) => (text === null ? null : Number(text));
const within = (query) => {
  const from = number(query.get('from')) ?? Date.now() - 24 * HOUR;
  const to = number(query.get('to')) ?? Date.now();
  return { from, to, rows: counted.filter((row) => row.hour >= Math.floor(from / HOUR) * HOUR && row.hour < to) };
};

function grouped(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === undefined) continue;
    const group = groups.get(key) ?? { counts: nothing(), rows: [] };
    group.counts[KIND[row.action]] += row.count;
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups].sort(([, a], [, b]) => total(b.counts) - total(a.counts));
}

function hours(from, to, rows) {
  const byHour = new Map(grouped(rows, (row) => row.hour));
  const out = [];
  for (let hour = Math.floor(from / HOUR) * HOUR; hour < to; hour += HOUR) out.push({ hour, ...(byHour.get(hour)?.counts ?? nothing()) });
  return out;
}

const night = (rows, offset) => rows.filter((row) => new Date(row.hour + offset * 60_000).getUTCHours() < 6).reduce((sum, row) => sum + row.count, 0);

const namesOf = (rows, offset) =>
  grouped(rows, (row) => row.name).map(([name, { counts, rows: own }]) => ({
    name, verdict: verdictOf(own[0], null, Date.now()), label: own[0].label, ...counts, at_night: night(own, offset), last_hour: Math.max(...own.map((row) => row.hour)),
  }));

function overview(query) {
  const { from, to, rows } = within(query);
  const offset = number(query.get('night_offset_minutes')) ?? 0;
  const known = rows.filter((row) => row.label);
  const group = ([key, { counts, rows: own }]) => ({ key, ...counts, devices: new Set(own.map((row) => row.device)).size });
  const totals = grouped(rows, () => 'all')[0]?.[1].counts ?? nothing();
  const vendors = grouped(known, (row) => row.label.vendor).map(group);
  return {
    from, to, totals, names: new Set(rows.map((row) => row.name)).size, makers_muted: vendors.filter((vendor) => vendor.muted > 0).length,
    hours: hours(from, to, rows),
    devices: grouped(rows, (row) => row.device).map(([id, { counts }]) => ({ id, ...counts })).sort((a, b) => b.muted + b.watched - a.muted - a.watched),
    top_names: namesOf(rows.filter((row) => row.action === 'block' || row.action === 'watch'), offset).slice(0, 50),
    vendors, purposes: grouped(known, (row) => row.label.purpose).map(group),
  };
}

const joined = new Map();
const apart = new Set();

/** Who says what of a made-up device. */
function facts({ id, mac, addresses }) {
  const since = STARTED + 2 * HOUR;
  const own = addresses.filter((address) => !apart.has(address)).flatMap((address) => [
    ...(mac ? [{ address, mac, source: 'neighbours', since }] : []),
    ...(mac && address.includes('.') ? [{ address, mac, name: names.get(id).split(' ')[0].toLowerCase(), source: 'lease', since: since + 3 * HOUR }] : []),
    ...(address.includes('ff:fe') ? [{ address, mac, source: 'eui64', since }] : []),
  ]);
  return own;
}

function summary(device, rows) {
  const counts = grouped(rows.filter((row) => row.device === device.id), () => 'all')[0]?.[1].counts ?? nothing();
  return {
    id: device.id, name: names.get(device.id), fixed: device.fixed ?? false, mac: device.mac, random_mac: device.random ?? false, addresses: device.addresses.filter((address) => !apart.has(address)),
    ...(device.mac && !device.random ? { maker: device.fixed ? 'Samsung Electronics Co.,Ltd' : 'Xiaomi Communications Co Ltd' } : {}),
    ...([...joined].some(([, to]) => to === device.id) ? { joined: [...joined].filter(([, to]) => to === device.id).map(([member]) => member) } : {}),
    profile: placed.get(device.id) ?? 'default', profile_fixed: device.fixed ?? false, first_seen: Date.now() - 31 * 24 * HOUR, last_seen: Date.now() - 37_000 * (1 + DEVICES.indexOf(device) ** 3), ...counts,
  };
}

/** What broke: muted names in the journal of the span, the latest first. */
function broken(query) {
  const to = number(query.get('to')) ?? Date.now();
  const from = number(query.get('from')) ?? to - 15 * 60_000;
  const muted = journal.filter((one) => one.device === query.get('device') && one.at >= from && one.at <= to && verdictOf({ name: one.name, action: one.verdict }, one.device, to) === 'block').reverse();
  const candidates = [...new Map(muted.map((one) => [one.name, one])).values()].map((one, i) => ({
    name: one.name, last: one.at, tries: 1 + (i % 4), hours_before: 7 * i, list: one.list ?? null, alias: null, label: one.label ?? null,
    signs: [...(one.label?.breaks ? ['breaks'] : []), ...(i === 0 ? ['first'] : []), ...(i % 4 > 1 ? ['retried'] : []), ...(to - one.at < 120_000 ? ['recent'] : [])],
  }));
  return { from, to, candidates: candidates.slice(0, 30), more: Math.max(0, candidates.length - 30), resolved: 0, failed: { names: 2, queries: 5 } };
}

/** A device's makers in the span before. */
function compared(id, { from, to }, offset) {
  const days = Math.max(1, Math.ceil((to - from) / (24 * HOUR))) * 24 * HOUR;
  const rowsOf = (begin, end) => within(new URLSearchParams({ from: String(begin), to: String(end) })).rows.filter((row) => row.device === id);
  const before = rowsOf(from - days, to - days);
  const sums = (rows) => new Map(grouped(rows.filter((row) => row.label), (row) => row.label.vendor).map(([vendor, { counts }]) => [vendor, total(counts)]));
  const [then, now] = [sums(before), sums(rowsOf(from, to))];
  const vendors = [...new Set([...then.keys(), ...now.keys()])].map((vendor) => ({ vendor, now: now.get(vendor) ?? 0, before: then.get(vendor) ?? 0, new_names: [] }));
  return { from: from - days, to: to - days, totals: grouped(before, () => 'all')[0]?.[1].counts ?? nothing(), vendors, offset };
}

function exposure(id, query) {
  const device = DEVICES.find((one) => one.id === id);
  if (!device || STATE !== 'full') throw new Refusal(404, 'No such device', 'No device has this identity.');
  const { from, to, rows: all } = within(query);
  const offset = number(query.get('night_offset_minutes')) ?? 0;
  const rows = all.filter((row) => row.device === id);
  const known = rows.filter((row) => row.label);
  return {
    device: summary(device, all), facts: facts(device), compared: compared(id, { from, to }, offset),
    let_through: namesOf(known, offset).filter((name) => total(name) > name.muted),
    exposure: {
      from, to, totals: grouped(rows, () => 'all')[0]?.[1].counts ?? nothing(), at_night: night(known, offset),
      telemetry_hours: hours(from, to, known), hours: hours(from, to, rows),
      vendors: grouped(known, (row) => row.label.vendor).map(([vendor, group]) => ({
        about: `What ${vendor} makes, in one sentence.`,
        vendor, regions: [...new Set(group.rows.flatMap((row) => row.label.regions))], ...group.counts,
        products: grouped(group.rows, (row) => row.label.product).map(([product, { counts, rows: own }]) => ({ product, purpose: own[0].label.purpose, ...counts, names: namesOf(own, offset) })),
      })),
      unlabelled: namesOf(rows.filter((row) => !row.label), offset).slice(0, 200),
    },
  };
}

const FACETS = ['device', 'verdict', 'outcome', 'vendor', 'purpose', 'type', 'rcode', 'list', 'upstream', 'transport'];

function found(query) {
  const value = (one, facet) => (facet === 'type' ? one.qtype : facet === 'vendor' || facet === 'purpose' ? one.label?.[facet] : one[facet]);
  const among = (one, facet, wished) => wished.split(',').includes(value(one, facet));
  const matches = { exact: (name, wished) => name === wished, subtree: (name, wished) => name === wished || name.endsWith(`.${wished}`), regex: (name, wished) => new RegExp(wished, 'i').test(name) };
  const named = (name, wished) => (matches[query.get('match')] ?? ((text, part) => text.includes(part)))(name, wished.toLowerCase());
  return journal.filter(
    (one) => FACETS.every((facet) => (!query.get(facet) || among(one, facet, query.get(facet))) && (!query.get(`not_${facet}`) || !among(one, facet, query.get(`not_${facet}`)))) &&
      (!query.get('name') || named(one.name, query.get('name'))) && (!query.get('not_name') || !named(one.name, query.get('not_name'))) &&
      one.at >= (number(query.get('from')) ?? 0) && one.at < (number(query.get('to')) ?? Infinity) && (query.get('before') === null || one.id < query.get('before')),
  );
}

function queries(query) {
  const limit = Math.min(500, number(query.get('limit')) ?? 100);
  const fitting = found(query);
  if (query.get('collapse') !== 'true') {
    const events = fitting.slice(-limit).reverse();
    return { events, next: fitting.length > limit ? events.at(-1).id : null };
  }
  const rows = new Map();
  for (const one of fitting.toReversed()) {
    const key = [one.device, one.name, one.qtype, one.verdict, one.list].join();
    const row = rows.get(key);
    if (row) Object.assign(row, { count: (row.count ?? 1) + 1, first: one.at });
    else rows.set(key, { ...one });
  }
  return { events: [...rows.values()].slice(0, limit), next: null };
}

/** Made up: a third of what each device asks is new for it, spread over a month. */
function firsts(query) {
  const since = number(query.get('since')) ?? Date.now() - 7 * 24 * HOUR;
  if (STATE !== 'full') return { firsts: [], total: 0 };
  const rows = DEVICES.flatMap((device) => device.asks.filter((_, i) => i % 3 === 1).map((ask, i) => ({
    device: device.id, device_name: names.get(device.id), name: ask.name, first: Math.floor(Date.now() / HOUR) * HOUR - (i + 1) * 17 * HOUR, last: Date.now(), new_in_house: i % 2 === 0, ...(ask.label ? { label: ask.label } : {}),
  })));
  const fitting = rows.filter((row) => row.first >= since && (!query.get('device') || row.device === query.get('device')) && (query.get('house') !== 'true' || row.new_in_house));
  return { firsts: fitting, total: fitting.length };
}

const guards = [
  ['xiaomi', 'update.miui.com', 'Xiaomi', 'System updates', 'update', 'The phone finds no updates.'],
  ['xiaomi', 'account.xiaomi.com', 'Xiaomi', 'Mi Account', 'account', 'Nobody can log in, and Find Device stops.'],
  ['xiaomi', '/^[a-z]+\\.connect\\.rom\\.miui\\.com$/', 'Xiaomi', 'Captive check', 'other', 'The phone says that it has no internet.'],
  ['apple', 'push.apple.com', 'Apple', 'Push', 'push', 'No message arrives.'],
  ['samsung', 'time.samsungcloudsolution.com', 'Samsung', 'Clock', 'other', 'The television loses its clock.'],
].map(([list, name, vendor, product, purpose, breaks], i) => ({ list, name, label: { vendor, product, purpose, sends: '', breaks, regions: [], class: 'never', sources: ['made up'] }, on: i !== 1, fixed: i === 1 }));

const guard = (id, part, on) => void (guards.find((one) => one.list === id && one.name === part).on = on);

function explain(query) {
  const name = query.get('name');
  const ask = DEVICES.flatMap((device) => device.asks).find((one) => one.name === name) ?? { name, action: 'pass', label: null };
  const verdict = verdictOf(ask, query.get('device'), Date.now());
  const matches = [];
  if (verdict !== ask.action) matches.push({ list: 'own', rule: name, verdict, precedence: 'own rule for this device', changed_by: 'you', kept: 'you', since: STARTED, or_earlier: false, comment: 'Since the update' });
  if (ask.label) matches.push({ list: ask.label.vendor === 'Xiaomi' ? 'xiaomi' : 'analytics-sdks', rule: `||${name.split('.').slice(-3).join('.')}^`, verdict: ask.action, precedence: 'block', changed_by: 'you', kept: 'catalogue', since: STARTED + 5 * 24 * HOUR, list_since: STARTED, or_earlier: true, version: '3fa9c1d2e4b5' });
  return { name, device: query.get('device'), explanation: { verdict, label: ask.label, matches, scheduled: [] } };
}

const status = () => ({
  version: '0.1.0', started: STARTED,
  problems: STATE === 'full' ? [{ kind: 'list', text: 'The list “look-at-these” could not be read: lists.example answered with a web page. What it held before is no longer in force; check its address in config.toml.' }] : [],
  counters: { queries: 812_345, muted: 98_211, cache_hits: 401_233, events_not_recorded: 0, tcp_connections_refused: 0, queries_refused_in_flight: 0, stale_answers: 14, upstream_timeouts: 91 },
  upstreams: [
    { server: 'tls://dns.quad9.net', state: 'up', answered: 310_992, failed: 91, latency_ms: 18, share_percent: 100, mismatches: 0, encrypted: true, folds_case: false, loops: [], domains: [] },
    { server: 'https://dns.example/dns-query', state: STATE === 'full' ? 'down' : 'unknown', answered: 0, failed: 12, latency_ms: null, share_percent: 0, mismatches: 0, encrypted: true, folds_case: false, loops: [], domains: [] },
    { server: 'udp://192.168.1.1', state: 'unknown', answered: 0, failed: 0, latency_ms: null, share_percent: 0, mismatches: 0, encrypted: false, folds_case: true, loops: [], domains: ['fritz.box'] },
  ],
  cache: { entries: 4_211, bytes: 2_811_004, capacity: 16_777_216 }, store: { bytes: 48_223_911, unflushed: 312, flushed: Date.now() - 122_000, privacy: 'everything' },
  encrypted: [{ protocol: 'tls', own: true, names: ['sordino.home.arpa'], addresses: ['192.168.1.2'], expires: Date.now() + 300 * 24 * HOUR, sha256: 'ab'.repeat(32), pin: '', listen: ['192.168.1.2:853'] }],
  listen: ['192.168.1.2:53', '[fd00::2]:53'], lists_names: LISTS.reduce((sum, list) => sum + list.names, 0),
});

const lists = listsOf(STATE === 'full');

const ROUTES = {
  'GET /overview': ({ query }) => overview(query),
  'GET /broken': ({ query }) => broken(query),
  'GET /devices': ({ query }) => (STATE === 'full' ? DEVICES.filter((device) => !joined.has(device.id)).map((device) => summary(device, within(query).rows)) : []),
  'GET /devices/*': ({ id, query }) => exposure(id, query),
  'PUT /devices/*': ({ id, sent }) => void names.set(id, sent.name ?? id),
  'PUT /devices/*/joined': ({ id, sent }) => void (sent.to === null ? joined.delete(id) : joined.set(id, sent.to)),
  'PUT /addresses': ({ sent }) => void (sent.apart ? apart.add(sent.address) : apart.delete(sent.address)),
  'GET /queries': ({ query }) => queries(query),
  'GET /lists': lists.all,
  'POST /lists': ({ sent }) => lists.add(sent),
  'GET /lists/*': ({ id }) => (id === 'catalogue' ? lists.known() : undefined),
  'PUT /lists/*': ({ id, sent }) => lists.change(id, sent),
  'DELETE /lists/*': ({ id }) => lists.remove(id),
  'POST /lists/*/refresh': ({ id }) => lists.refresh(id),
  'DELETE /lists/*/refresh': ({ id }) => lists.stop(id),
  'GET /rules': () => rules.map((rule) => ({ ...rule, active: !rule.until || rule.until > Date.now() })),
  'POST /rules': ({ sent }) => {
    const rule = { id: nextRule++, since: Date.now(), until: null, ...sent };
    rules = [...rules, rule];
    return rule;
  },
  'PUT /rules/*': ({ id, sent }) => {
    if (sent.kind === 'regex' && sent.name.includes('(')) throw new Refusal(422, 'Unusable', 'This regular expression cannot be used: unclosed group.');
    rules = rules.map((rule) => (rule.id === Number(id) ? { ...rule, until: null, comment: undefined, ...sent } : rule));
    return rules.find((rule) => rule.id === Number(id));
  },
  'GET /pauses': () => pauses.filter((pause) => pause.until > Date.now()),
  'POST /pauses': ({ sent }) => {
    const pause = { id: nextRule++, since: Date.now(), ...sent };
    pauses = [...pauses.filter((one) => JSON.stringify(one.scope) !== JSON.stringify(sent.scope)), pause];
    return pause;
  },
  'DELETE /pauses/*': ({ id }) => void (pauses = pauses.filter((pause) => pause.id !== Number(id))),
  'GET /profiles': () => profiles.map((profile) => ({ ...profile, rules: 0, devices: DEVICES.filter((device) => (placed.get(device.id) ?? 'default') === profile.name).length })),
  'POST /profiles': ({ sent }) => void profiles.push({ fixed: false, usual: false, ...sent }),
  'PUT /profiles/*': ({ id, sent }) => void (profiles = profiles.map((profile) => (profile.name === id ? { ...profile, ...sent } : profile))),
  'DELETE /profiles/*': ({ id }) => void (profiles = profiles.filter((profile) => profile.name !== id)),
  // Hours are not looked at here: none of them is now.
  'GET /schedules': () => ({ zone: 'Europe/Berlin', schedules: schedules.map((one) => ({ revision: null, holds: false, changes_at: Date.now() + HOUR, ...one })) }),
  'POST /schedules': ({ sent }) => void schedules.push({ fixed: false, uses: [], ...sent }),
  'PUT /schedules/*': ({ id, sent }) => void (schedules = schedules.map((one) => (one.name === id ? { ...one, ...sent } : one))),
  'DELETE /schedules/*': ({ id }) => void (schedules = schedules.filter((one) => one.name !== id)),
  'PUT /devices/*/profile': ({ id, sent }) => void placed.set(id, sent.profile),
  'POST /whatif': ({ sent }) => {
    if (sent.rule?.kind === 'wildcard' && !sent.rule.name.includes('*')) throw new Refusal(422, 'Unusable', 'A wildcard has a * in it; without one, the name itself is meant.');
    if (sent.rule?.kind === 'regex' && /[([]$/.test(sent.rule.name)) throw new Refusal(422, 'Unusable', 'This regular expression cannot be used: something in it is not closed.');
    const to = sent.to ?? Date.now();
    const span = { from: sent.from ?? to - 7 * 24 * HOUR, to };
    const rows = counted.filter((row) => row.hour >= Math.floor(span.from / HOUR) * HOUR && row.hour < span.to);
    return whatIf(sent, rows, span, (id) => names.get(id) ?? id, verdictOf);
  },
  'GET /hits': ({ query }) => hits(LISTS, (({ from, to }) => ({ from, to }))(within(query)), STATE === 'full'),
  'DELETE /rules/*': ({ id }) => void (rules = rules.filter((rule) => rule.id !== Number(id))),
  'GET /firsts': ({ query }) => firsts(query),
  'GET /guards': () => guards,
  'PUT /guards/*/*': ({ id, part }) => guard(id, part, true),
  'DELETE /guards/*/*': ({ id, part }) => guard(id, part, false),
  'GET /explain': ({ query }) => explain(query),
  'DELETE /cache': () => ({ removed: 4_211 }),
  'POST /reload': () => ({ problems: [] }),
  'GET /status': status,
};

async function answer(request, url) {
  const path = url.pathname.slice('/api/v1'.length);
  const loggedIn = request.headers.cookie?.includes('sordino_session=mock') ?? false;
  let text = '';
  for await (const chunk of request) text += chunk;
  const sent = text ? JSON.parse(text) : {};
  const cookie = { 'set-cookie': 'sordino_session=mock; HttpOnly; SameSite=Strict; Path=/' };
  if (path === '/session') return { body: { setup_needed: password === null, logged_in: loggedIn, version: '0.1.0' } };
  if (path === '/setup') {
    if (password !== null) throw new Refusal(409, 'A password is set already', '');
    password = sent.password;
    return { status: 204, headers: cookie };
  }
  if (path === '/login') {
    if (sent.password !== password) throw new Refusal(401, 'That is not the password', '');
    return { status: 204, headers: cookie };
  }
  if (!loggedIn) throw new Refusal(401, 'Log in first', '');
  if (path === '/logout') return { status: 204, headers: { 'set-cookie': 'sordino_session=; Path=/; Max-Age=0' } };
  const [, kind, id, part] = path.split('/');
  const below = part === undefined ? '' : ROUTES[`${request.method} /${kind}/*/${part}`] ? `/${part}` : '/*';
  const route = ROUTES[`${request.method} /${kind}${id === undefined ? '' : '/*'}${below}`];
  if (!route) throw new Refusal(404, 'There is nothing here', '');
  const body = route({ id: id === undefined ? undefined : decodeURIComponent(id), part: part === undefined ? undefined : decodeURIComponent(part), query: url.searchParams, sent });
  return { status: body === undefined ? 204 : request.method === 'POST' && id === undefined && ['rules', 'lists', 'pauses'].includes(kind) ? 201 : 200, body };
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

async function page(url) {
  const path = normalize(url.pathname).replace(/^[/.]+/, '');
  const file = extname(path) in TYPES ? path : 'index.html';
  return { body: await readFile(join(DIST, file)), headers: { 'content-type': TYPES[extname(file)], 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' } };
}

createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://mock');
  try {
    if (url.pathname === '/api/v1/queries/live') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write(': hello\n\n');
      streams.add(response);
      request.on('close', () => streams.delete(response));
      return;
    }
    const asked = url.pathname.startsWith('/api/');
    const { status: code = 200, headers = {}, body } = asked ? await answer(request, url) : await page(url);
    response.writeHead(code, asked ? { 'content-type': 'application/json', ...headers } : headers).end(asked ? JSON.stringify(body) : body);
  } catch (cause) {
    const refusal = cause instanceof Refusal ? cause : new Refusal(cause?.code === 'ENOENT' ? 404 : 500, String(cause), '');
    response.writeHead(refusal.status, { 'content-type': 'application/problem+json', ...refusal.headers });
    response.end(JSON.stringify({ type: 'about:blank', title: refusal.title, status: refusal.status, detail: refusal.detail }));
  }
}).listen(PORT, '127.0.0.1', () => process.stdout.write(`ready http://127.0.0.1:${PORT} (password: ${PASSWORD})\n`));
