// The lists of the made-up household: those of its directory and files, and some from elsewhere in every state there is.
import { LISTS } from './house.mjs';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const KNOWN = [
  ['hagezi-xiaomi', 'Trackers built into Xiaomi devices: phones, televisions and boxes.', 'hagezi', 'GPL-3.0', 'small', 'native'],
  ['hagezi-samsung', 'Trackers built into Samsung phones and televisions.', 'hagezi', 'GPL-3.0', 'small', 'native'],
  ['hagezi-lgwebos', 'Trackers built into LG televisions.', 'hagezi', 'GPL-3.0', 'small', 'native'],
  ['hagezi-normal', 'Advertising, tracking and harmful names, for every house.', 'hagezi', 'GPL-3.0', 'large', 'general'],
  ['oisd-small', 'Advertising above all, made to break nothing.', 'OISD', 'GPL-3.0', 'medium', 'general'],
  ['stevenblack', 'Several well-known hosts files in one.', 'StevenBlack', 'MIT', 'large', 'general'],
].map(([name, about, project, licence, extent, kind]) => ({ name, about, project, licence, extent, kind, format: 'auto', homepage: `https://${project.toLowerCase()}.example/`, url: `https://lists.example/${name}.txt` }));

const sizes = (names, days) => Array.from({ length: days }, (_, i) => {
  const then = Math.round(names * (0.82 + 0.18 * (i / Math.max(1, days - 1)) + 0.02 * Math.sin(i * 2.3)));
  return { at: Date.now() - (days - 1 - i) * DAY - 3 * HOUR, bytes: then * 24, names: then, refused: i % 4 };
});

const fetched = (more) => ({
  enabled: true, private_server: false, stage: 'done', bytes: 0, next: Date.now() + 21 * HOUR, fetched: Date.now() - 3 * HOUR, checked: Date.now() - 3 * HOUR,
  tried: Date.now() - 3 * HOUR, failures: 0, trouble: null, suspicious: false, sizes: [], ...more,
});
const elsewhere = (name, names, subscription, more = {}) => ({ name, group: name, source: `https://lists.example/${name}.txt`, action: 'block', format: 'adblock', trusted: false, fixed: false, names, subscription: fetched(subscription), ...more });

/** The lists of a household in which everything happens, or of one in which nothing did. */
export function listsOf(full) {
  const all = [...LISTS.map((list) => ({ fixed: true, subscription: null, ...list, group: list.group ?? list.name }))];
  if (full) {
    all.push(
      elsewhere('oisd-small', 56_214, { checked: Date.now() - 20 * MINUTE, tried: Date.now() - 20 * MINUTE, fetched: Date.now() - 2 * DAY, sizes: sizes(56_214, 24) }, { fixed: true }),
      elsewhere('hagezi-samsung', 212, { sizes: sizes(212, 12), fetched: Date.now() - 25 * MINUTE, checked: Date.now() - 25 * MINUTE }),
      elsewhere('hagezi-normal', 148_300, { stage: 'fetching', bytes: 1_900_000, next: null, sizes: sizes(148_300, 9) }),
      elsewhere('kids', 4_100, { stage: 'failed', failures: 3, tried: Date.now() - 9 * MINUTE, next: Date.now() + 6 * MINUTE, trouble: 'lists.example answered 503 Service Unavailable.', sizes: sizes(4_100, 6), fetched: Date.now() - 4 * DAY }, { action: 'watch' }),
      elsewhere('regional', 9_800, { stage: 'failed', suspicious: true, trouble: 'The list lost 9,412 of its 9,800 names since the last time.', sizes: sizes(9_800, 15), fetched: Date.now() - 1.2 * DAY }),
      elsewhere('office', 0, { enabled: false, next: null, sizes: [], fetched: null, checked: null }, { action: 'allow' }),
    );
  }
  const find = (name) => all.find((list) => list.name === name && list.subscription);

  /** Goes through what a fetch goes through, a step each half second. */
  function begin(list) {
    const from = list.subscription;
    const steps = [{ stage: 'resolving', bytes: 0, next: null }, ...[1, 2, 3, 4].map((n) => ({ stage: 'fetching', bytes: n * 240_000 })), { stage: 'checking' }, { stage: 'compiling' }];
    const step = () => {
      if (list.stopped) return Object.assign(from, { stage: 'done', next: Date.now() + HOUR });
      const next = steps.shift();
      if (next) {
        Object.assign(from, next);
        return void setTimeout(step, 500);
      }
      list.names ||= 3_200;
      Object.assign(from, { stage: 'done', fetched: Date.now(), checked: Date.now(), tried: Date.now(), next: Date.now() + DAY, failures: 0, trouble: null, suspicious: false });
      from.sizes = [...from.sizes, { at: Date.now(), bytes: 960_000, names: list.names, refused: 0 }];
    };
    list.stopped = false;
    step();
  }

  const hits = [41_220, 30_114, 12_876, 402, 0, 88, 5_230, 611, 9_204, 77, 12, 0];
  return {
    all: () => all.map((list, i) => ({ lines: list.names, rejected: 0, examples: [], problem: null, schedule: null, profile_schedules: [], ...list, hits: full ? (hits[i] ?? 0) : 0 })),
    known: () => KNOWN,
    add: (sent) => {
      all.push({ ...elsewhere(sent.name, 0, { stage: 'waiting', fetched: null, checked: null, tried: null, next: null }), ...sent, format: 'names' });
      begin(find(sent.name));
      return {};
    },
    change: (name, { action, enabled }) => {
      const list = find(name);
      if (action) list.action = action;
      if (enabled !== undefined) list.subscription.enabled = enabled;
    },
    remove: (name) => void all.splice(all.indexOf(find(name)), 1),
    refresh: (name) => begin(find(name)),
    stop: (name) => {
      const list = find(name);
      list.stopped = true;
      Object.assign(list.subscription, { stage: 'done', next: Date.now() + HOUR });
    },
  };
}
