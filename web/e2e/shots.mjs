// Screenshots of every page × theme × width × language: node e2e/shots.mjs BASE PASSWORD DIRECTORY
// ONLY=overview,device, LANGS=en and WIDTHS=360 narrow it down. Fails where something sticks out of the page or is cut off.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { launch, login, open, outside, pagesOf } from './browser.mjs';

const [base = 'http://127.0.0.1:8055', password = 'calm and quiet', directory = 'shots'] = process.argv.slice(2);
const LANGUAGES = { en: 'en-GB', de: 'de-DE', nl: 'nl-NL' };
const languages = (process.env.LANGS ?? 'en,de,nl').split(',');
const only = process.env.ONLY?.split(',');
const WIDTHS = (process.env.WIDTHS ?? '1280,360').split(',').map(Number);

mkdirSync(directory, { recursive: true });
const browser = await launch();
let count = 0;
const faults = [];
/** What lies over the page, or moves while it is looked at: only what can be seen at once is kept. */
const AS_SEEN = /^(queries|menu)/;
for (const language of languages) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of WIDTHS) {
      const context = await browser.newContext({ locale: LANGUAGES[language], colorScheme, viewport: { width, height: width > 640 ? 800 : 844 }, reducedMotion: 'reduce', hasTouch: width <= 640 });
      const before = await context.newPage();
      await before.goto(base);
      await before.locator('form').waitFor();
      await before.screenshot({ path: join(directory, `login-${language}-${colorScheme}-${width}.png`), fullPage: true });
      count += 1;
      await before.close();
      await login(context, base, password);
      for (const one of await pagesOf(context, base)) {
        if (only && !only.includes(one.name)) continue;
        const page = await context.newPage();
        await open(page, base, one);
        await page.waitForTimeout(300);
        const name = `${one.name}-${language}-${colorScheme}-${width}`;
        await page.screenshot({ path: join(directory, `${name}.png`), fullPage: !AS_SEEN.test(one.name) });
        for (const text of await outside(page)) {
          faults.push(text);
          process.stdout.write(`${name}: ${text}\n`);
        }
        count += 1;
        await page.close();
      }
      await context.close();
    }
  }
}
await browser.close();
process.stdout.write(`${count} screenshots in ${directory}, ${faults.length} things that stick out or are cut off\n`);
process.exit(faults.length === 0 ? 0 : 1);
