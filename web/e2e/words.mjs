// What the catalogue says, in German and Dutch: node e2e/words.mjs BASE PASSWORD DEVICE DIRECTORY
// DEVICE has asked for tracking.miui.com and for flap.example, which a catalogue of the house's own describes.
import { readFileSync } from 'node:fs';

import { expect, launch, login, walkShots } from './browser.mjs';

const [base, password, device, directory] = process.argv.slice(2);
const LANGUAGES = { de: 'de-DE', nl: 'nl-NL' };
const PRODUCT = 'MIUI Analytics (OneTrack)';
const SENDS =
  'Which screen of which system app is shown, when and for how long, calls, messages and settings included, with long-lived device numbers.';
const OWN = 'When the cat comes home.';
const WHO = 'A door for a cat.';
const MAKER =
  'Phones, televisions, routers and home devices; MIUI and HyperOS report which apps and screens are opened, for how long, and which advertisements are shown.';
const GUARDED = 'You cannot sign in, unlock the bootloader or use Mi Home.';
const REFUSED = { de: 'Das ist kein Domainname', nl: 'Dit is geen domeinnaam' };
const PHONE = 360;
const faults = [];

const shot = walkShots(directory);

const browser = await launch();
try {
  for (const [language, locale] of Object.entries(LANGUAGES)) {
    const words = JSON.parse(readFileSync(new URL(`../src/lang/labels.${language}.json`, import.meta.url), 'utf8'));
    const context = await browser.newContext({ locale, viewport: { width: PHONE, height: 800 }, reducedMotion: 'reduce' });
    await login(context, base, password);
    const page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    const told = (text) => page.locator(`main span[lang=${language}]`).filter({ hasText: words[text] }).first();
    const fits = async (where) => expect(`how far ${where} reaches in ${language}`, await page.evaluate(() => document.documentElement.scrollWidth), PHONE);

    // The page of a device: who hears what, and a text of the house's own as it is written.
    await page.goto(`${base}/devices/${encodeURIComponent(device)}`);
    for (const maker of ['Xiaomi', 'Cat flap']) {
      const vendor = page.locator('.vendor').filter({ hasText: maker });
      if ((await vendor.locator('> details').getAttribute('open')) === null) await vendor.locator('> details > summary').click();
    }
    const product = page.locator('.product').filter({ hasText: words[PRODUCT] });
    await product.waitFor();
    if ((await product.locator('details').getAttribute('open')) === null) await product.locator('summary').click();
    await told(MAKER).waitFor();
    await told(SENDS).waitFor();
    const own = page.locator('.product').filter({ hasText: 'Flap log' });
    if ((await own.locator('details').getAttribute('open')) === null) await own.locator('summary').click();
    await page.locator('main span[lang=en]').filter({ hasText: OWN }).waitFor();
    expect(`texts in English, in ${language}`, (await page.locator('main span[lang=en]').allInnerTexts()).join(' '), `${WHO} ${OWN}`);
    await fits('the page of a device');
    await shot(page, `words-device-${language}`);

    // A query tells the same; it is found by the name that the API has.
    await page.goto(`${base}/queries?vendor=Xiaomi&name=tracking.miui.com`);
    await page.locator('tr.row .name button').first().click();
    await told(SENDS).waitFor();
    await page.locator('tr.row button.change').first().click();
    await page.getByRole('dialog').getByText(words[PRODUCT]).waitFor();
    await fits('the choice');

    // What is guarded says what would break.
    await page.goto(`${base}/rules`);
    await page.locator('section.folds summary').first().waitFor();
    const more = page.locator('section.folds > button.little');
    if ((await more.count()) > 0) await more.first().click();
    await page.locator('section.folds summary').filter({ hasText: 'Xiaomi' }).first().click();
    await told(GUARDED).waitFor();
    await fits('what is guarded');

    // What cannot be done is said in the same language.
    await page.locator('main form input.field').first().fill('a..b');
    await page.getByRole('alert').filter({ hasText: REFUSED[language] }).waitFor();
    await fits('the refusal');
    await shot(page, `words-refused-${language}`);

    // Whoever changes the language reads on in it.
    await page.locator('button[popovertarget=menu]').first().click();
    await page.locator('#menu label').filter({ hasText: 'English' }).click();
    await page.locator('main span[lang=en]').filter({ hasText: GUARDED }).first().waitFor();
    await context.close();
  }
} finally {
  await browser.close();
}
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`read the catalogue in ${Object.keys(LANGUAGES).length} languages, ${faults.length} faults\n`);
process.exit(faults.length === 0 ? 0 : 1);
