// What the walks share: a Chromium that calls nobody, a login, the pages there are, pictures of the way.
import { createSocket } from 'node:dgram';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const QUIET = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
/** How long something may take to appear that has to be there. */
const PATIENCE_MS = 10_000;

/** Starts the Chromium that CHROMIUM names, or Debian's. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: QUIET });
}

/** Logs in through the form, so that every later page of `context` has the session. */
export async function login(context, base, password) {
  const page = await context.newPage();
  await page.goto(base);
  await page.locator('input[type=password]').fill(password);
  await page.locator('form button.main').click();
  await page.locator('nav a[aria-current=page]').first().waitFor({ state: 'attached' });
  await page.close();
}

/** Every page, the device with most to tell among them. `ready` is there once the page has what it asked for. */
export async function pagesOf(context, base) {
  const devices = await (await context.request.get(`${base}/api/v1/devices`)).json();
  const one = devices.toSorted((a, b) => b.muted - a.muted)[0];
  return [
    { name: 'overview', path: '/', ready: 'h1' },
    { name: 'overview-30d', path: '/?period=30d', ready: 'h1' },
    { name: 'names', path: '/names?period=7d', ready: '.card' },
    { name: 'devices', path: '/devices', ready: 'h1' },
    ...(one ? [{ name: 'device', path: `/devices/${encodeURIComponent(one.id)}`, ready: 'h1' }] : []),
    ...(one ? [{ name: 'device-join', path: `/devices/${encodeURIComponent(one.id)}`, ready: '.identity', press: '.identity summary' }] : []),
    { name: 'queries', path: '/queries', ready: 'h1' },
    { name: 'queries-details', path: '/queries?verdict=block', ready: 'h1', press: '.row .name button' },
    { name: 'queries-filters', path: '/queries?vendor=Xiaomi&not_type=AAAA&collapse=true', ready: 'tr.row', press: 'button[aria-controls]' },
    { name: 'queries-narrow', path: '/queries?name=xiaomi.com&match=subtree&list=xiaomi', ready: 'tr.row', press: '.row .name button' },
    { name: 'queries-change', path: '/queries?verdict=block', ready: 'h1', press: '.row button.change' },
    { name: 'broken', path: '/broken', ready: 'select' },
    ...(one ? [{ name: 'broken-found', path: `/broken?device=${encodeURIComponent(one.id)}`, ready: 'select', press: 'form button.main', shown: '#found' }] : []),
    { name: 'lists', path: '/lists', ready: '.card' },
    { name: 'lists-details', path: '/lists', ready: 'section.lists li', press: 'section.lists > ul > li:last-child summary' },
    { name: 'lists-group', path: '/lists', ready: 'section.lists li', press: 'section.lists summary' },
    { name: 'lists-known', path: '/lists', ready: 'section:has(.there, form) summary', press: 'section:has(input[type=url]) summary' },
    { name: 'lists-add', path: '/lists', ready: 'section:has(input[type=url])', press: 'details:has(input[type=url]) summary' },
    { name: 'rules', path: '/rules', ready: '.card' },
    { name: 'rules-guards', path: '/rules', ready: 'section summary', press: 'section:has(details) summary >> text=Google' },
    { name: 'rules-preview', path: '/rules', ready: '.card', type: ['input.field', 'netflix.com'], shown: '.effect' },
    { name: 'rules-wrong', refused: 422, path: '/rules', ready: '.card', press: 'label:has(input[value=wildcard])', type: ['input.field', 'netflix.com'], shown: 'input[aria-invalid=true]' },
    { name: 'rules-change', path: '/rules', ready: '.card', press: 'li button[aria-expanded]' },
    { name: 'rules-why', path: '/rules', ready: '.card', type: ['form:not(:has(fieldset)) input.field[maxlength="253"]', 'data.mistat.intl.xiaomi.com'], press: 'form:not(:has(fieldset)) .button >> nth=0', shown: '.answer b' },
    { name: 'profiles', path: '/profiles', ready: 'form' },
    { name: 'profiles-open', path: '/profiles', ready: 'form', press: 'section:first-of-type details:last-of-type summary' },
    { name: 'schedules-open', path: '/profiles', ready: 'form', press: 'section:last-of-type details:last-of-type summary' },
    { name: 'device-pause', path: one ? `/devices/${encodeURIComponent(one.id)}` : '/devices', ready: 'h1', press: '.pause button' },
    { name: 'lists-work', path: '/lists', ready: 'details', press: 'section:has(.sentence) summary' },
    { name: 'lists-try', path: '/lists', ready: 'textarea', type: ['textarea', '||miui.com^\n||doubleclick.net^\n||netflix.com^'], press: 'form:has(textarea) .button.main', shown: '.effect' },
    { name: 'settings', path: '/settings', ready: '.sessions li' },
    { name: 'settings-factor', path: '/settings', ready: '.factor button', press: '.factor button', shown: '.factor input[type=password]' },
    { name: 'local', path: '/local', ready: 'form' },
    { name: 'begin', path: '/begin', ready: 'details', press: 'main summary' },
    { name: 'status', path: '/status', ready: 'h1' },
    { name: 'menu', path: '/status', ready: 'h1', press: 'button[popovertarget=menu]' },
    { name: 'lost', path: '/nowhere', ready: 'h1' },
  ];
}

/** Opens a page and waits until it shows what it has. */
export async function open(page, base, { path, ready, type, press, shown }) {
  await page.goto(base + path);
  await page.locator(ready).first().waitFor();
  // Pages that listen never fall silent, so this waits for the answers under way and not for the network to rest.
  await page.waitForFunction(() => !document.querySelector('main:empty'));
  if (type) await page.locator(type[0]).first().fill(type[1]);
  if (press) await pushed(page, press);
  if (shown) await page.locator(shown).first().waitFor();
}

async function pushed(page, press) {
  const button = page.locator(press).first();
  await button.click({ timeout: PATIENCE_MS }).catch((error) => {
    throw new Error(`nothing to press at ${press}: ${error.message}`);
  });
}

/** Waits until the page has drawn what it knows: what has changed since is in the first frame, what measured that in the second. */
export function frames(page) {
  return page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

/**
 * Listens to what the page asks for from now on. What it gives waits until every answer has come and is drawn; what is sent as
 * it happens never ends and is not waited for.
 */
export function landing(page) {
  const flying = new Set();
  let last = () => undefined;
  const landed = (request) => flying.delete(request) && flying.size === 0 && last();
  page.on('request', (request) => request.resourceType() !== 'eventsource' && flying.add(request));
  page.on('requestfinished', landed);
  page.on('requestfailed', landed);
  return async () => {
    do {
      if (flying.size > 0) {
        await new Promise((done, fail) => {
          const late = setTimeout(() => fail(new Error(`no answer from ${[...flying].map((one) => one.url()).join(', ')}`)), 3 * PATIENCE_MS);
          last = () => done(clearTimeout(late));
        });
      }
      await frames(page);
    } while (flying.size > 0);
  };
}

/** A page on a desk, logged in, with its context; what goes wrong in it is put into `faults`. */
export async function desk(browser, base, password, faults, locale = 'en-GB') {
  const context = await browser.newContext({ locale, viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  await login(context, base, password);
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  return { context, page };
}

/** Keeps what a page shows as `walk-NAME.png` in `directory`. */
export function walkShots(directory) {
  mkdirSync(directory, { recursive: true });
  return (page, name) => page.screenshot({ path: join(directory, `walk-${name}.png`), fullPage: true });
}

/** Ends the walk where something is not what it should be. */
export function expect(what, found, wanted) {
  if (found !== wanted) throw new Error(`${what}: ${found} and not ${wanted}`);
}

/** A stub resolver that asks `dns`, HOST:PORT, for the IPv4 address of a name, and gives it; none where there is none. */
export function resolver(dns) {
  const [host, port] = dns.split(':');
  return (name, from = '127.0.0.1') => {
    const id = Math.floor(Math.random() * 65536);
    const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
    const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const packet = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
    return new Promise((done, fail) => {
      const socket = createSocket('udp4');
      const late = setTimeout(() => fail(new Error(`no answer for ${name}`)), 10_000);
      socket.on('error', fail);
      socket.on('message', (reply) => {
        clearTimeout(late);
        socket.close();
        const answers = reply.readUInt16BE(6);
        done(answers > 0 ? [...reply.subarray(-4)].join('.') : undefined);
      });
      socket.bind(0, from, () => socket.send(packet, Number(port), host));
    });
  };
}

/**
 * What sticks out of the page, or of the thing or the column it stands in, and what is shown only in part: a choice, or a text
 * that is cut off where no button beside it opens the whole.
 */
export function outside(page) {
  return page.evaluate(() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const scrolls = (element) => element?.closest('pre, .scroll, [tabindex="0"]') && getComputedStyle(element.closest('pre, .scroll, [tabindex="0"]')).overflowX !== 'visible';
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const around = text.parentElement;
      if (!text.data.trim() || !around?.checkVisibility({ visibilityProperty: true }) || around.closest('.unseen, select, svg') || scrolls(around)) continue;
      // What only a screen reader reads is one pixel wide.
      if (getComputedStyle(around).clipPath !== 'none') continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const { left, right } = range.getBoundingClientRect();
      if (left < -1 || right > width + 1) found.push(`sticks out of the page: ${text.data.trim().slice(0, 60)}`);
      const box = around.closest('button, .button, a, label, summary, legend, td, th, dd, dt, li');
      const edge = box?.getBoundingClientRect();
      const cuts = getComputedStyle(around).textOverflow === 'ellipsis';
      if (edge && edge.width > 0 && !cuts && right > edge.right + 1.5) found.push(`sticks out of ${box.localName}: ${text.data.trim().slice(0, 60)}`);
      if (cuts && around.scrollWidth > around.clientWidth && !around.closest('button[aria-expanded], summary')) found.push(`is cut off: ${text.data.trim().slice(0, 60)}`);
      const line = range.getClientRects();
      if (line.length > 1 && !around.closest('bdi, code')) {
        for (const { 0: word, index } of text.data.matchAll(/\p{L}{4,}/gu)) {
          range.setStart(text, index);
          range.setEnd(text, index + word.length);
          const tops = [...range.getClientRects()].map((rect) => rect.top);
          if (tops.some((top) => Math.abs(top - tops[0]) > 4)) found.push(`breaks within a word: ${word}`);
        }
      }
      let place = around;
      while (/^(inline|contents)$/.test(getComputedStyle(place).display)) place = place.parentElement;
      const room = place.getBoundingClientRect();
      const { paddingLeft, paddingRight } = getComputedStyle(place);
      if (room.width > 1 && !cuts && (left < room.left + Number.parseFloat(paddingLeft) - 1.5 || right > room.right - Number.parseFloat(paddingRight) + 1.5)) found.push(`is wider than its place: ${text.data.trim().slice(0, 60)}`);
    }
    const pen = document.createElement('canvas').getContext('2d');
    for (const choice of document.querySelectorAll('select')) {
      if (!choice.checkVisibility()) continue;
      const style = getComputedStyle(choice);
      // The shorthand is empty where a part of it, such as figures of one width, cannot stand in it.
      pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const room = choice.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight) - 20;
      const shown = choice.selectedOptions[0]?.textContent.trim() ?? '';
      if (pen.measureText(shown).width > room + 1) found.push(`a choice that is cut off: ${shown}`);
    }
    return [...new Set(found)];
  });
}
