// Every page in every language, width and theme: axe-core, what sticks out or is cut off, and a picture of each.
//   node e2e/pages.mjs BASE PASSWORD [DIRECTORY]      no pictures without DIRECTORY
// ONLY=overview,device and LANGS=en narrow it down; AXE=no leaves axe-core out. Fails when it finds anything, when there is
// nothing where it wants to press, when a page says something on the console, or when one asks another origin.
//
// A page is loaded once in a language. Width and theme then change where it stands, as when a phone is turned or the evening
// comes. What runs at which look:
//   - every rule at the first look at each width, so that what is there only narrow (the menu) or only wide is checked wholly;
//   - COLOURS alone in the other theme of that width: a theme is the colours in tokens.css, it moves, hides and names nothing;
//   - `outside` once at each width, for the same reason.
// Every other language begins at the other end, so that pages are loaded wide and light as well as narrow and in the other theme.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { frames, landing, launch, login, open, outside, pagesOf } from './browser.mjs';

const [base = 'http://127.0.0.1:8055', password = 'calm and quiet', directory] = process.argv.slice(2);
const LANGUAGES = { en: 'en-GB', de: 'de-DE', nl: 'nl-NL' };
const LOOKS = [
  { theme: 'light', width: 1280, height: 800 },
  { theme: 'dark', width: 1280, height: 800 },
  { theme: 'dark', width: 360, height: 844 },
  { theme: 'light', width: 360, height: 844 },
];
/** The rules that read a colour: those of axe-core's `cat.color` that run by themselves. */
const COLOURS = ['color-contrast', 'link-in-text-block'];
/** What lies over the page, or moves while it is looked at: only what can be seen at once is kept. */
const AS_SEEN = /^(queries|menu)/;
/** Before somebody is inside; a house that has no password yet asks for one instead. */
const LOGIN = { name: 'login', path: '/', ready: 'form' };
const SETUP = { ...LOGIN, name: 'setup' };

const only = process.env.ONLY?.split(',');
const languages = (process.env.LANGS ?? 'en,de,nl').split(',');
const axe = process.env.AXE === 'no' ? undefined : readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];
const counted = { pages: 0, checks: 0, pictures: 0 };

if (directory) mkdirSync(directory, { recursive: true });
const browser = await launch();
for (const [turn, language] of languages.entries()) {
  const looks = turn % 2 === 0 ? LOOKS : LOOKS.toReversed();
  const context = await browser.newContext({ locale: LANGUAGES[language], reducedMotion: 'reduce' });
  const page = await context.newPage();
  const tab = { page, landed: landing(page), where: language, refused: undefined };
  listen(tab);
  const { setup_needed: fresh } = await (await context.request.get(`${base}/api/v1/session`)).json();
  await lookAt(tab, fresh ? SETUP : LOGIN, language, looks);
  if (!only?.every((name) => [LOGIN.name, SETUP.name].includes(name))) {
    await login(context, base, password);
    for (const one of await pagesOf(context, base)) await lookAt(tab, one, language, looks);
  }
  await context.close();
  process.stdout.write(`${language}: ${counted.checks} checks, ${faults.length} faults so far\n`);
}
await browser.close();
process.stdout.write(`${counted.pages} pages loaded, ${counted.pictures} pictures${directory ? ` in ${directory}` : ''}: ${counted.checks} checks, ${faults.length} faults\n`);
process.exit(faults.length === 0 && counted.checks > 0 ? 0 : 1);

/** Loads a page and looks at it from every side. */
async function lookAt(tab, one, language, looks) {
  if (only && !only.includes(one.name)) return;
  const { page } = tab;
  tab.refused = one.refused;
  tab.where = `${one.name}-${language}`;
  try {
    await turnTo(page, looks[0]);
    await open(page, base, one);
    await tab.landed();
    // Evaluated by the debugger, which the content security policy of the page does not concern.
    if (axe) await page.evaluate(axe);
    counted.pages += 1;
    const seen = new Set();
    for (const look of looks) {
      tab.where = `${one.name}-${language}-${look.theme}-${look.width}`;
      await turnTo(page, look);
      await tab.landed();
      if (directory) await keep(page, one.name, tab.where, look);
      await check(page, tab.where, !seen.has(look.width));
      seen.add(look.width);
    }
  } catch (error) {
    fault(tab.where, error.message);
  }
}

/** Gives the page a width and a theme, and waits until it has both. */
async function turnTo(page, { theme, width, height }) {
  await page.emulateMedia({ colorScheme: theme });
  await page.waitForFunction((theme) => matchMedia(`(prefers-color-scheme: ${theme})`).matches, theme);
  await resize(page, { width, height });
}

async function check(page, where, first) {
  counted.checks += 1;
  if (first) for (const text of await outside(page)) fault(where, text);
  if (!axe) return;
  const rules = first ? {} : { runOnly: { type: 'rule', values: COLOURS } };
  const { violations } = await page.evaluate((options) => globalThis.axe.run(options), { resultTypes: ['violations'], ...rules });
  for (const { id, help, nodes } of violations) fault(where, `${id}: ${help}\n    ${nodes.map((node) => `${node.html.slice(0, 160)}\n      ${node.failureSummary}`).join('\n    ')}`);
}

async function keep(page, name, where, { width, height }) {
  const fullPage = !AS_SEEN.test(name);
  // What stands at the foot of a narrow window would lie across the middle of its picture: the window is made as long as the page.
  const long = fullPage && width <= 640 ? await page.evaluate(() => document.documentElement.scrollHeight) : height;
  if (long > height) await resize(page, { width, height: long });
  await page.screenshot({ path: join(directory, `${where}.png`), fullPage });
  if (long > height) await resize(page, { width, height });
  counted.pictures += 1;
}

async function resize(page, size) {
  await page.setViewportSize(size);
  await page.waitForFunction(({ width, height }) => innerWidth === width && innerHeight === height, size);
  await frames(page);
}

function listen(tab) {
  const { page } = tab;
  // A browser tells of every refused request; on some pages one is asked for.
  const expected = (text) => tab.refused && text.includes(`status of ${tab.refused}`);
  page.on('pageerror', (error) => fault(tab.where, error.message));
  page.on('console', (message) => message.type() === 'error' && !expected(message.text()) && fault(tab.where, message.text()));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(base).origin && fault(tab.where, `asked ${request.url()}`));
}

/** Said at once, so that a run that is cut short has told what it found. */
function fault(where, what) {
  faults.push(where);
  process.stdout.write(`${where}: ${what}\n`);
}
