// Hours for a list, by keyboard: node e2e/schedules.mjs BASE PASSWORD DIRECTORY
// Makes a profile and a schedule for it, saves both at once, and meets somebody who changed the schedule meanwhile.

import { desk, expect, launch, walkShots } from './browser.mjs';

const [base, password, directory] = process.argv.slice(2);
const PATH = '/api/v1/schedules/School%20nights';
const faults = [];

const shot = walkShots(directory);

const browser = await launch();
try {
  const { context, page } = await desk(browser, base, password, faults);
  const writes = [];
  page.on('request', (request) => request.method() === 'PUT' && writes.push(request.url()));

  // From the lists it is one step.
  await page.goto(`${base}/lists`);
  await page.getByRole('link', { name: 'Profiles and schedules' }).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Profiles and schedules' }).waitFor();

  await page.getByLabel('Name of a new profile').fill('Children');
  await page.getByLabel('Name of a new profile').press('Enter');
  await page.locator('summary').filter({ hasText: 'Children' }).waitFor();

  // A new one stands open, with every night to begin with.
  await page.getByLabel('Name of a new schedule').fill('School nights');
  await page.getByLabel('Name of a new schedule').press('Enter');
  const schedule = page.locator('details').filter({ has: page.locator('summary', { hasText: 'School nights' }) });
  await schedule.getByText('every day 21:00–07:00 the next day').waitFor();
  for (const day of ['Friday', 'Saturday']) await schedule.getByRole('checkbox', { name: day }).press('Space');
  await schedule.getByLabel('From').fill('20:30');
  await schedule.getByLabel('Add a list').selectOption({ label: 'ads' });
  await schedule.getByText(/ads.?, for everyone/).waitFor();
  await schedule.getByRole('button', { name: /^Remove .*ads/ }).press('Enter');
  await schedule.locator('optgroup[label*=Children] option', { hasText: 'ads' }).waitFor({ state: 'attached' });
  const value = await schedule.locator('optgroup[label*=Children] option', { hasText: 'ads' }).getAttribute('value');
  await schedule.getByLabel('Add a list').selectOption(value);
  expect('what was written before it is saved', writes.length, 0);
  await schedule.getByRole('button', { name: 'Save' }).press('Enter');
  await schedule.locator('summary').filter({ hasText: 'Mon to Thu, Sun 20:30–07:00 the next day' }).waitFor();
  expect('writes for all of it', writes.length, 1);
  await schedule.getByRole('button', { name: 'Save' }).waitFor({ state: 'detached' });
  await shot(page, 'schedule');

  await page.reload();
  await schedule.locator('summary').press('Enter');
  await schedule.getByText(/ads.?, under .*Children/).waitFor();

  // Somebody else is faster: nothing of theirs is lost, and it is said.
  await schedule.getByLabel('From').fill('22:00');
  const theirs = { slots: [{ days: ['sat'], from: '23:00', to: '07:00' }], uses: [] };
  const other = await context.request.put(base + PATH, { data: theirs });
  expect('the other', other.status(), 204);
  await schedule.getByRole('button', { name: 'Save' }).press('Enter');
  await page.getByRole('status').getByText('Someone else changed this in the meantime').waitFor();
  await schedule.locator('summary').filter({ hasText: 'Sat 23:00–07:00 the next day' }).waitFor();
  expect('the hours that are shown', await schedule.getByLabel('From').inputValue(), '23:00');

  await schedule.getByRole('button', { name: /^Remove the schedule/ }).press('Enter');
  await schedule.waitFor({ state: 'detached' });
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).last().press('Enter');
  await schedule.waitFor();
  if (faults.length > 0) throw new Error(faults.join('\n'));
  process.stdout.write('a schedule was made, saved at once, and not overwritten\n');
} finally {
  await browser.close();
}
