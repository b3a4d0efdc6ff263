// Screenshots of every page × theme × width × language: node e2e/shots.mjs BASE PASSWORD DIRECTORY
// ONLY=overview,device, LANGS=en and WIDTHS=390 narrow it down.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { launch, login, open, pagesOf } from './browser.mjs';

const [base = 'http://127.0.0.1:8055', password = 'calm and quiet', directory = 'shots'] = process.argv.slice(2);
const LANGUAGES = { en: 'en-GB', de: 'de-DE', nl: 'nl-NL' };
const languages = (process.env.LANGS ?? 'en,de,nl').split(',');
const only = process.env.ONLY?.split(',');
const WIDTHS = (process.env.WIDTHS ?? '1280,390').split(',').map(Number);

mkdirSync(directory, { recursive: true });
const browser = await launch();
let count = 0;
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
        await page.screenshot({ path: join(directory, `${one.name}-${language}-${colorScheme}-${width}.png`), fullPage: !one.press && !one.name.startsWith('queries') });
        count += 1;
        await page.close();
      }
      await context.close();
    }
  }
}
await browser.close();
process.stdout.write(`${count} screenshots in ${directory}\n`);
