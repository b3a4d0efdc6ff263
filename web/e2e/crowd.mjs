// A house of two hundred devices: node e2e/crowd.mjs BASE PASSWORD DIRECTORY
// Finds one among them, walks through queries by keyboard, follows the guide, puts a page on paper.

import { desk, expect, launch, walkShots } from './browser.mjs';

const [base, password, directory] = process.argv.slice(2);
const DEVICES = 200;
const FIRST = 50;
const faults = [];

const shot = walkShots(directory);

const browser = await launch();
try {
  const { page } = await desk(browser, base, password, faults, 'de-DE');

  // The list begins with some, and shows all on demand.
  await page.goto(`${base}/devices`);
  const rows = page.locator('tbody tr');
  await rows.first().waitFor();
  expect('rows at first', await rows.count(), FIRST);
  await page.getByRole('button', { name: /^Alle \d+ zeigen$/ }).press('Enter');
  expect('all rows', (await rows.count()) >= DEVICES, true);

  // One is found by its address; the address bar knows what is looked for.
  await page.getByRole('searchbox').fill('127.0.1.77');
  await page.getByRole('status').filter({ hasText: 'Ein Gerät' }).waitFor();
  expect('what is looked for', new URL(page.url()).searchParams.get('find'), '127.0.1.77');
  expect('the one that was found', await rows.count(), 1);
  await shot(page, 'devices-found');
  // Whoever follows a link by keyboard goes on from the heading of the page it leads to.
  await rows.getByRole('link').first().press('Enter');
  await page.locator('h1:focus').waitFor();
  await page.goBack();
  await page.getByRole('searchbox').fill('');
  await page.emulateMedia({ media: 'print' });
  expect('the field on paper', await page.getByRole('searchbox').isVisible(), false);
  await page.emulateMedia({ media: 'screen' });

  // Arrow keys go from query to query; Enter opens one.
  await page.goto(`${base}/queries`);
  const names = page.locator('tr.row .name button');
  await names.first().waitFor();
  await names.first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  expect('the second row', await names.nth(1).evaluate((name) => name === document.activeElement), true);
  await page.keyboard.press('Enter');
  await page.locator('tr.details').waitFor();
  await page.keyboard.press('End');
  expect('the last row', await names.last().evaluate((name) => name === document.activeElement), true);

  // The guide tells how it is set up, and where that stands.
  await page.goto(`${base}/begin`);
  const setup = page.locator('.setup');
  await setup.getByText('[dns] listen').waitFor();
  for (const said of ['[dns] allow_from', '[upstream] servers', 'schalten stumm', 'action = "watch"']) await setup.getByText(said).first().waitFor();
  await shot(page, 'begin-set-up');

  // Trouble is told in the viewer's words, and what it counts has names.
  await page.goto(`${base}/status`);
  await page.getByText('Empfangene Nachrichten').waitFor();
  expect('counters that are told in English', await page.locator('.counters dt[lang=en]').allInnerTexts().then((texts) => texts.join()), '');
} finally {
  await browser.close();
}
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`walked through the crowd, ${faults.length} faults\n`);
process.exit(faults.length === 0 ? 0 : 1);
