// What a change would have done to the made-up household, by plain matching; sordino itself knows every kind of rule.

const ends = (name, zone) => name === zone || name.endsWith(`.${zone}`);

/** The names that a change is about, as a function of a name, and what it does. */
function change({ rule, list, subscription, action = 'block' }) {
  if (rule) {
    const wildcard = () => new RegExp(`^${rule.name.split('*').map((part) => part.replaceAll('.', '\\.')).join('.*')}$`);
    const kinds = { exact: (name) => name === rule.name, subtree: (name) => ends(name, rule.name), wildcard: (name) => wildcard().test(name), regex: (name) => new RegExp(rule.name).test(name) };
    return { names: kinds[rule.kind ?? (rule.subtree ? 'subtree' : 'exact')], action: rule.action };
  }
  if (list) {
    const zones = list.text.split('\n').map((line) => line.trim().replace(/^\|\||\^$/g, '')).filter((line) => line && !line.startsWith('#'));
    return { names: (name) => zones.some((zone) => ends(name, zone)), action, lines: zones.length };
  }
  return { names: (_, label) => label && (subscription === 'xiaomi' ? label.vendor === 'Xiaomi' : true), action };
}

/** The answer to POST /whatif, from tallies. */
export function whatIf(sent, rows, span, deviceName, verdictOf) {
  const { names, action, lines } = change(sent);
  const byName = new Map();
  for (const row of rows) {
    if (sent.device && row.device !== sent.device) continue;
    if (!names(row.name, row.label)) continue;
    const one = byName.get(row.name) ?? { row, queries: 0, devices: new Map() };
    one.queries += row.count;
    one.devices.set(row.device, (one.devices.get(row.device) ?? 0) + row.count);
    byName.set(row.name, one);
  }
  const share = () => ({ names: 0, queries: 0 });
  const sums = { muted: share(), let_through: share(), watched: share(), already: share(), kept: share() };
  const devices = new Map();
  const top = [];
  let breaking = 0;
  for (const [name, { row, queries, devices: askers }] of byName) {
    const now = verdictOf(row, row.device, span.to);
    const kind = now === action ? 'already' : now === 'allow' ? 'kept' : action === 'block' ? 'muted' : now === 'block' ? 'let_through' : action === 'watch' ? 'watched' : 'already';
    sums[kind].names += 1;
    sums[kind].queries += queries;
    const changed = kind !== 'already' && kind !== 'kept';
    if (changed) {
      for (const [id, n] of askers) {
        const device = devices.get(id) ?? { id, name: deviceName(id), names: 0, queries: 0 };
        device.names += 1;
        device.queries += n;
        devices.set(id, device);
      }
      if (kind === 'muted' && row.label?.breaks) breaking += 1;
    }
    top.push({ name, queries, devices: askers.size, now, then: changed ? action : now, label: row.label, breaks: row.label?.breaks ?? '', already: kind === 'already', by: now === 'pass' ? null : now === 'allow' ? 'own' : 'xiaomi' });
  }
  const rank = (one) => (one.now !== one.then ? 0 : one.already ? 1 : 2);
  top.sort((a, b) => rank(a) - rank(b) || b.queries - a.queries);
  const changes = ['muted', 'let_through', 'watched'];
  return {
    ...span, ...sums, breaking, beyond: 0, asked: { names: new Set(rows.map((row) => row.name)).size, queries: rows.reduce((sum, row) => sum + row.count, 0) },
    names: changes.reduce((sum, key) => sum + sums[key].names, 0), queries: changes.reduce((sum, key) => sum + sums[key].queries, 0),
    devices: [...devices.values()].sort((a, b) => b.queries - a.queries), top: top.slice(0, 100),
    ...(lines === undefined ? {} : { read: { format: sent.list.format ?? 'adblock', names: lines, rejected: 0, examples: [] } }),
  };
}

/** The answer to GET /hits: shares that look like a household's. */
export function hits(lists, span, full) {
  const shares = [41_220, 30_114, 12_876, 402, 0, 88];
  const work = lists.map(({ name }, i) => {
    const n = full ? (shares[i] ?? 0) : 0;
    const doubled = name === 'my-hosts';
    const mutes = { names: Math.ceil(n / 900), queries: doubled ? 9_406 : n };
    return {
      list: name, standing: n === 0 ? 'idle' : doubled ? 'redundant' : 'needed', decided: { names: Math.ceil(n / 900), queries: doubled ? 0 : n }, mutes,
      alone: doubled ? { names: 0, queries: 0 } : { names: Math.ceil(n / 1_000), queries: Math.round(n * 0.83) },
      rules: n > 0 && !doubled ? ['||data.mistat.intl.xiaomi.com^', '||tracking.intl.miui.com^', 'acr-eu-prd.samsungcloud.tv'].map((rule, j) => ({ rule, verdict: 'block', names: 1, queries: Math.round(n / (2.2 + j)) })) : [],
      rules_at_work: n > 0 && !doubled ? 37 : 0,
    };
  });
  work.push({ list: 'own', standing: full ? 'needed' : 'idle', decided: { names: full ? 1 : 0, queries: full ? 71 : 0 }, mutes: { names: 0, queries: 0 }, alone: { names: 0, queries: 0 }, rules: [], rules_at_work: full ? 1 : 0 });
  const overlaps = full ? [{ a: 'xiaomi', b: 'my-hosts', names: 6, queries: 7_004 }, { a: 'analytics-sdks', b: 'my-hosts', names: 3, queries: 2_402 }] : [];
  return { ...span, asked: { names: 412, queries: 98_004 }, beyond: 0, lists: work, overlaps };
}
