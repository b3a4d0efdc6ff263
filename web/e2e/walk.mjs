// The way of a person through the page: node e2e/walk.mjs BASE PASSWORD DNS_HOST:DNS_PORT DIRECTORY
// Sets the first password, watches a muted query arrive, allows the name, sees it resolve; then mutes another.
import { expect, launch, resolver, walkShots } from './browser.mjs';

const [base, password, dns, directory] = process.argv.slice(2);
const TELEMETRY = 'data.mistat.intl.xiaomi.com';
const NEWS = 'news.example';
/** What leads to an address inside the house. */
const INSIDE = 'router.example';
// What a hostile name does to a page that trusts names.
const HOSTILE = '<img/src=x/onerror=alert(1)>.example';

const shot = walkShots(directory);
const resolve = resolver(dns);
const faults = [];

async function until(what, look, within = 10_000) {
  for (const end = Date.now() + within; Date.now() < end; ) {
    if (await look()) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`${what}: not within ${within} ms`);
}

/** Rows of the live list that name `name` and have this verdict. */
const rows = (page, name, verdict) => page.locator(`tr.row.${verdict}`).filter({ has: page.locator('td.name', { hasText: name }) });

/** Presses "Change" in a row, chooses, and waits until the page says that it is done. */
async function decide(page, row, action, whom, long) {
  await row.locator('button.change').click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  for (const choice of [action, whom, long]) await dialog.locator('label', { hasText: choice }).first().click();
  await shot(page, `decide-${action.toLowerCase()}`);
  await dialog.locator('button.main').click();
  await dialog.waitFor({ state: 'hidden' });
}

const browser = await launch();
try {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('dialog', (dialog) => { faults.push(`a name opened a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on('request', (request) => new URL(request.url()).origin === new URL(base).origin || faults.push(`asked ${request.url()}`));

  // The first run asks for a password.
  await page.goto(base);
  await page.locator('input[type=password]').fill(password);
  await shot(page, 'setup');
  await page.locator('form button.main').click();

  // The guide follows, and sees the first question by itself.
  await page.locator('main details').first().waitFor();
  await page.locator('main [aria-live]').filter({ hasText: 'Waiting' }).waitFor();
  await until('the first question to be seen', async () => {
    await resolve('first.example');
    return (await page.locator('main [aria-live]').innerText()).includes('It works');
  });
  await shot(page, 'begin');

  // A muted query arrives without a reload.
  await page.goto(`${base}/queries`);
  await page.locator('.live .state.on').waitFor();
  expect('the muted name', await resolve(TELEMETRY), '0.0.0.0');
  const muted = rows(page, TELEMETRY, 'block');
  await muted.first().waitFor();
  await shot(page, 'muted-arrives');

  // Allowed from its row, it resolves within a second.
  await decide(page, muted.first(), 'Allow', 'Every device', 'For good');
  await until('the name to resolve', async () => (await resolve(TELEMETRY)) === '192.0.2.1', 1_000);
  await rows(page, TELEMETRY, 'allow').first().waitFor();
  await shot(page, 'allowed-arrives');

  // And a name that passed is muted in the same way.
  expect('the news', await resolve(NEWS), '192.0.2.1');
  const passed = rows(page, NEWS, 'pass');
  await passed.first().waitFor();
  await decide(page, passed.first(), 'Mute', 'Every device', 'For good');
  await until('the news to be muted', async () => (await resolve(NEWS)) === '0.0.0.0', 1_000);
  await rows(page, NEWS, 'block').first().waitFor();

  // A pattern: what is none is said at its field, and what it would have done while it is typed.
  await page.goto(`${base}/rules`);
  const form = page.locator('form:has(input.field)').first();
  await form.locator('label', { hasText: 'A pattern with *' }).click();
  const written = form.locator('input.field').first();
  await written.fill('news.example');
  await form.locator('input[aria-invalid=true]').waitFor();
  await shot(page, 'rule-wrong');
  await written.fill('mail*.example');
  await form.locator('.effect').waitFor();
  await form.getByLabel('Note').fill('tried out');
  await form.locator('button.main').click();
  const rule = page.locator('li').filter({ hasText: 'mail*.example' });
  await rule.getByText('tried out').waitFor();
  await until('the pattern to mute', async () => (await resolve('mail7.example')) === '0.0.0.0', 1_000);

  // Changed where it stands, with the keyboard alone.
  await rule.getByRole('button', { name: 'Change' }).press('Enter');
  const note = rule.getByLabel('Note');
  await note.fill('to stay');
  await note.press('Enter');
  await rule.getByText('to stay').waitFor();
  await note.waitFor({ state: 'detached' });

  // A pause lets all of it through until it is ended.
  await page.goto(base);
  await page.locator('.pause button').first().click();
  await page.locator('.pause').getByRole('button', { name: '10 minutes' }).click();
  await until('the pause', async () => (await resolve('mail7.example')) === '192.0.2.1', 1_000);
  await shot(page, 'paused');
  await page.getByRole('button', { name: 'End the pause' }).click();
  await until('the end of the pause', async () => (await resolve('mail7.example')) === '0.0.0.0', 1_000);
  await page.goto(`${base}/queries`);
  // Something broke: the name that was muted just now is found, tried, found wanting, tried again and kept.
  const before = rows(page, NEWS, 'block');
  await before.first().waitFor();
  await page.locator('a.broken').click();
  await page.locator('main select').waitFor();
  await page.locator('main form button.main').click();
  const candidate = page.locator('main ol > li').filter({ hasText: NEWS });
  await candidate.waitFor();
  await candidate.getByRole('button').click();
  await until('the news on trial', async () => (await resolve(NEWS)) === '192.0.2.1', 1_000);
  await shot(page, 'broken-trial');
  await candidate.getByRole('button', { name: /^No/ }).click();
  await until('the news to be muted again', async () => (await resolve(NEWS)) === '0.0.0.0', 1_000);
  await page.locator('main form button.main').click();
  await candidate.getByRole('button', { name: 'Allow' }).click();
  // Somebody else notes something about the rule meanwhile: that stays, and the next trial goes on from it.
  await candidate.getByRole('button', { name: /^Yes/ }).waitFor();
  const { id, scope, action, until: end } = (await (await context.request.get(`${base}/api/v1/rules`)).json()).find((rule) => rule.name === NEWS && rule.scope.device);
  const theirs = { name: NEWS, kind: 'exact', scope, action, until: end, comment: 'for the news' };
  expect('the other', (await context.request.put(`${base}/api/v1/rules/${id}`, { data: theirs })).status(), 200);
  await candidate.getByRole('button', { name: /^Yes/ }).click();
  await page.getByRole('status').getByText('Someone else changed this in the meantime').waitFor();
  await candidate.getByRole('button', { name: 'Allow' }).click();
  await candidate.getByRole('button', { name: /^Yes/ }).click();
  await page.locator('#found').filter({ hasText: 'stays allowed' }).waitFor();
  expect('the news that is kept', await resolve(NEWS), '192.0.2.1');
  await shot(page, 'broken-kept');
  await page.goto(`${base}/queries`);
  await page.locator('.live .state.on').waitFor();

  // A name is text, whatever stands in it.
  await resolve(HOSTILE);
  await page.locator('tr.row').filter({ hasText: 'onerror' }).first().waitFor();
  expect('pictures in the list', await page.locator('tr.row img').count(), 0);

  // What no list decided is explained as well.
  expect('the name that leads inside', await resolve(INSIDE), undefined);
  await rows(page, INSIDE, 'block').first().locator('.name button').click();
  await page.locator('tr.details').getByText('leads to an address inside the house').waitFor();
  expect('what is said of rules', await page.locator('tr.details').getByText('No rule names it').count(), 0);
  await shot(page, 'why-inside');

  // Own rules are shown; the overview counts.
  await page.goto(`${base}/lists`);
  await page.getByText(TELEMETRY).first().waitFor();
  await shot(page, 'lists');
  await page.goto(base);
  await page.locator('h1').first().waitFor();
  await page.getByText(NEWS).first().waitFor();
  await shot(page, 'overview');
  const chart = page.locator('.plot');
  await chart.focus();
  await page.keyboard.press('+');
  await until('the keyboard to zoom', async () => new URL(page.url()).searchParams.has('from'));
  await page.locator('.spans button').click();
  await until('the whole to be shown again', async () => !new URL(page.url()).searchParams.has('from'));
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await until('dragging to zoom', async () => new URL(page.url()).searchParams.has('to'));
  await shot(page, 'overview-zoomed');

  // A device's report has its name in it and says what DNS cannot see; settings are there in one tap.
  const [one] = await (await context.request.get(`${base}/api/v1/devices`)).json();
  await page.goto(`${base}/devices/${encodeURIComponent(one.id)}`);
  const report = page.getByRole('link', { name: 'As a page' });
  await report.waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), report.click()]);
  expect('the file of the report', file.suggestedFilename(), 'sordino-report.html');
  await page.emulateMedia({ media: 'print' });
  await shot(page, 'device-on-paper');
  await page.emulateMedia({ media: 'screen' });

  // Whoever leaves has to log in again, with the right password.
  await context.clearCookies();
  await page.goto(base);
  await page.locator('input[type=password]').fill('not the password');
  await page.locator('form button.main').click();
  await until('the refusal', async () => (await page.locator('#login-trouble').innerText()) !== '');
  await page.locator('input[type=password]').fill(password);
  await page.locator('form button.main').click();
  await page.locator('nav a[aria-current=page]').first().waitFor({ state: 'attached' });
} finally {
  await browser.close();
}
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`walked, ${faults.length} faults\n`);
process.exit(faults.length === 0 ? 0 : 1);
