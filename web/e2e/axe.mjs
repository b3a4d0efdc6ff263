// axe-core on every page in both themes, wide and narrow: node e2e/axe.mjs BASE PASSWORD
// ONLY=overview,device and LANGS=en,de,nl narrow or widen it.
// Fails when it finds anything, when a page says something on the console, or when one asks another origin.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { launch, login, open, pagesOf } from './browser.mjs';

const [base = 'http://127.0.0.1:8055', password = 'calm and quiet'] = process.argv.slice(2);
const LANGUAGES = { en: 'en-GB', de: 'de-DE', nl: 'nl-NL' };
const languages = (process.env.LANGS ?? 'en').split(',');
const only = process.env.ONLY?.split(',');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];
let checks = 0;

function listen(page, where, refused) {
  // A browser tells of every refused request; on this page one is asked for.
  const expected = (text) => refused && text.includes(`status of ${refused}`);
  page.on('pageerror', (error) => faults.push(`${where}: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && !expected(message.text()) && faults.push(`${where}: ${message.text()}`));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(base).origin && faults.push(`${where}: asked ${request.url()}`));
}

async function check(page, where) {
  // Evaluated by the debugger, which the content security policy of the page does not concern.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  checks += 1;
  for (const { id, help, nodes } of violations) faults.push(`${where}: ${id}: ${help}\n    ${nodes.map((node) => `${node.html.slice(0, 160)}\n      ${node.failureSummary}`).join('\n    ')}`);
}

const browser = await launch();
for (const language of languages) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      const context = await browser.newContext({ locale: LANGUAGES[language], colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' });
      const before = await context.newPage();
      await before.goto(base);
      await before.locator('form').waitFor();
      await check(before, `login ${language} ${colorScheme} ${width}`);
      await before.close();
      await login(context, base, password);
      for (const one of await pagesOf(context, base)) {
        if (only && !only.includes(one.name)) continue;
        const where = `${one.name} ${language} ${colorScheme} ${width}`;
        const page = await context.newPage();
        listen(page, where, one.refused);
        await open(page, base, one);
        await page.waitForTimeout(300);
        await check(page, where);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) faults.push(`${where}: ${wide} px wider than the window`);
        await page.close();
      }
      await context.close();
      process.stdout.write(`${language} ${colorScheme} ${width}: ${checks} checks, ${faults.length} faults so far\n`);
    }
  }
}
await browser.close();
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`${checks} checks, ${faults.length} faults\n`);
process.exit(faults.length === 0 && checks > 0 ? 0 : 1);
