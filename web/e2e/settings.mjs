// A person at the settings: node e2e/settings.mjs BASE PASSWORD DIRECTORY
// Tokens, the second factor with its QR code and recovery codes, sessions, a backup and back again, names of the house.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { expect, launch, walkShots } from './browser.mjs';

const [base, password, directory] = process.argv.slice(2);
const HALF_A_MINUTE = 30_000;
const faults = [];

const shot = walkShots(directory);

/** The code of an app at `at` (RFC 6238), for a secret in Base32. */
function codeAt(secret, at) {
  const bits = [...secret.replaceAll(/[^A-Z2-7]/g, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / HALF_A_MINUTE)));
  const digest = createHmac('sha1', key).update(step).digest();
  const offset = digest.at(-1) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Reads the squares of the code as an app would see them: dark or light at the middle of each. */
const darkAt = (page, x, y) => page.locator('svg[role=img]').first().evaluate((svg, [column, row]) => {
  const path = svg.querySelector('path');
  return path.isPointInFill(new DOMPoint(column + 0.5, row + 0.5));
}, [x, y]);

const browser = await launch();
try {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && !message.text().includes('status of 4') && faults.push(message.text()));
  page.on('request', (request) => new URL(request.url()).origin === new URL(base).origin || request.url().startsWith('data:') || faults.push(`asked ${request.url()}`));

  await page.goto(base);
  await page.locator('input[type=password]').fill(password);
  await page.locator('form button.main').click();
  await page.locator('nav a').first().waitFor({ state: 'attached' });
  await page.goto(`${base}/settings`);

  // A token is shown once, opens the door for what it is for and nothing else, and ends with two presses of a key.
  const tokens = page.locator('.tokens');
  await tokens.getByLabel('What it is for').fill('<b>heating</b>');
  await tokens.getByRole('button', { name: 'Make a token' }).press('Enter');
  const token = await tokens.locator('#token-made').innerText();
  const asProgram = { headers: { authorization: `Bearer ${token}` } };
  const bare = await browser.newContext();
  expect('reading with the token', (await bare.request.get(`${base}/api/v1/overview`, asProgram)).status(), 200);
  expect('acting with it', (await bare.request.delete(`${base}/api/v1/cache`, asProgram)).status(), 403);
  await shot(page, 'token-made');
  await tokens.getByRole('button', { name: 'I have kept it' }).click();
  expect('the token after that', (await page.content()).includes(token), false);
  const end = tokens.getByRole('button', { name: /^End: / });
  await end.press('Enter');
  await page.keyboard.press('Escape');
  expect('the button that has the focus again', await end.evaluate((button) => button === document.activeElement), true);
  await end.press('Enter');
  await page.keyboard.press('Enter');
  await tokens.getByText('There are none yet.').waitFor();
  expect('the token after its end', (await bare.request.get(`${base}/api/v1/overview`, asProgram)).status(), 401);

  // Another browser is seen and logged out.
  const other = await browser.newContext({ userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1' });
  expect('the other login', (await other.request.post(`${base}/api/v1/login`, { data: { password } })).status(), 204);
  await page.reload();
  const sessions = page.locator('.sessions');
  await sessions.getByText('Safari on iPhone').waitFor();
  await shot(page, 'sessions');
  await sessions.getByRole('button', { name: /^End: Safari/ }).click();
  await sessions.getByRole('button', { name: 'Yes, end it' }).click();
  await sessions.getByText('Safari on iPhone').waitFor({ state: 'detached' });
  expect('the other browser', (await other.request.get(`${base}/api/v1/overview`)).status(), 401);

  // Names of the house: one is made, answered for and taken away, and put back again.
  await page.goto(`${base}/local`);
  await page.getByLabel('Name', { exact: true }).fill('printer.home.arpa');
  await page.getByLabel('Leads to').fill('192.0.2.77');
  await page.getByLabel('Leads to').press('Enter');
  const record = page.locator('li').filter({ hasText: 'printer.home.arpa' });
  await record.getByText('192.0.2.77').waitFor();
  await shot(page, 'local');
  await record.getByRole('button', { name: /^Remove/ }).click();
  await record.waitFor({ state: 'detached' });
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).last().click();
  await record.waitFor();

  // A backup, looked at before it is taken back; what was changed meanwhile goes.
  await page.goto(`${base}/settings`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save a backup' }).click()]);
  const file = { name: download.suggestedFilename(), mimeType: 'application/octet-stream', buffer: readFileSync(await download.path()) };
  expect('the name of the file', /^sordino-\d{4}-\d\d-\d\d\.backup$/.test(file.name), true);
  const meanwhile = await context.request.post(`${base}/api/v1/local`, { data: { name: 'meanwhile.home.arpa', type: 'A', value: '192.0.2.78' } });
  expect('a change meanwhile', meanwhile.status(), 201);
  const backup = page.locator('.backup');
  await backup.locator('input[type=file]').setInputFiles({ ...file, buffer: file.buffer.subarray(0, -5) });
  await backup.getByText('That is no backup of sordino').waitFor();
  await backup.locator('input[type=file]').setInputFiles(file);
  await backup.getByText('1 name of the house').waitFor();
  await shot(page, 'restore-found');
  const records = async () => (await (await context.request.get(`${base}/api/v1/local`)).json()).map(({ name }) => name).join();
  expect('the names while it is only looked at', await records(), 'printer.home.arpa,meanwhile.home.arpa');
  await backup.getByRole('button', { name: 'Restore it' }).click();
  await backup.getByRole('button', { name: 'Restore it' }).click();
  await page.getByText('is restored').waitFor();
  expect('the names after it', await records(), 'printer.home.arpa');

  // A second factor: begun with the password, seen as a QR code, confirmed, and asked for at login.
  const factor = page.locator('.factor');
  await factor.getByRole('button', { name: 'Switch it on' }).click();
  await factor.locator('input[type=password]').fill('not the password');
  await factor.getByRole('button', { name: 'Go on' }).click();
  await factor.getByText('That is not the current password').waitFor();
  await factor.locator('input[type=password]').fill(password);
  await factor.getByRole('button', { name: 'Go on' }).click();
  await factor.locator('svg[role=img]').waitFor();
  const side = await factor.locator('svg[role=img]').evaluate((svg) => svg.viewBox.baseVal.width - 8);
  expect('the size of the code', side >= 21 && (side - 21) % 4 === 0, true);
  // Three corners are a dark ring with a light one in it (ISO/IEC 18004 §6.3.3); the fourth is none.
  for (const [x, y] of [[0, 0], [side - 7, 0], [0, side - 7]]) expect(`the corner at ${x}, ${y}`, `${await darkAt(page, x, y)} ${await darkAt(page, x + 1, y + 1)} ${await darkAt(page, x + 3, y + 3)}`, 'true false true');
  await shot(page, 'factor-begun');
  const secret = await factor.locator('code').first().innerText();
  await factor.getByLabel('Six digits from the app').fill('000000');
  await factor.getByRole('button', { name: 'Confirm' }).click();
  await factor.getByText('That is not the code of now').waitFor();
  const confirmed = Date.now();
  await factor.getByLabel('Six digits from the app').fill(codeAt(secret, confirmed));
  await factor.getByRole('button', { name: 'Confirm' }).click();
  await factor.locator('.recovery li').first().waitFor();
  const recovery = await factor.locator('.recovery li').allInnerTexts();
  expect('the recovery codes', recovery.length, 10);
  await shot(page, 'factor-codes');
  await page.emulateMedia({ media: 'print' });
  expect('other cards on the paper', await page.locator('.tokens').isVisible(), false);
  await shot(page, 'factor-codes-on-paper');
  await page.emulateMedia({ media: 'screen' });
  await factor.getByRole('button', { name: 'Copy' }).click();
  await factor.getByText('Copied.').waitFor();
  await factor.getByRole('button', { name: 'I have kept them' }).click();
  await factor.getByText('10 recovery codes are left').waitFor();

  const login = async (code) => {
    await page.locator('input[type=password]').fill(password);
    await page.locator('form button.main').click();
    await page.getByLabel('Code of your second factor').fill(code);
    await page.locator('form button.main').click();
  };
  const leave = async () => {
    await context.clearCookies();
    await page.goto(base);
  };
  const inside = () => page.locator('nav a').first().waitFor({ state: 'attached' });
  await leave();
  await login('000000');
  await page.getByText('That is not the code of now, or it was used before').waitFor();
  await shot(page, 'login-code');
  await page.getByLabel('Code of your second factor').fill(codeAt(secret, confirmed + HALF_A_MINUTE));
  await page.locator('form button.main').click();
  await inside();
  // A recovery code opens the door once.
  await leave();
  await login(recovery[0]);
  await inside();
  await leave();
  await login(recovery[0]);
  await page.getByText('That is not the code of now, or it was used before').waitFor();
  await page.getByLabel('Code of your second factor').fill(recovery[1]);
  await page.locator('form button.main').click();
  await inside();

  await page.goto(`${base}/settings`);
  await factor.getByText('8 recovery codes are left').waitFor();
  await factor.getByRole('button', { name: 'Switch it off' }).click();
  await factor.locator('input[type=password]').fill(password);
  await factor.getByRole('button', { name: 'Switch it off' }).click();
  await factor.getByText('Off. The password alone is enough.').waitFor();
  await leave();
  await page.locator('input[type=password]').fill(password);
  await page.locator('form button.main').click();
  await inside();

  // With the secrets in the file its password counts again, and whoever came in by another one has to log in.
  await page.goto(`${base}/settings`);
  await backup.getByLabel(/^With password/).check();
  const [whole] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save a backup' }).click()]);
  const changed = await context.request.put(`${base}/api/v1/password`, { data: { current: password, password: 'another one' } });
  expect('changing the password', changed.status(), 204);
  await backup.locator('input[type=file]').setInputFiles({ ...file, buffer: readFileSync(await whole.path()) });
  await backup.getByText('password, second factor and tokens', { exact: true }).waitFor();
  await backup.getByRole('button', { name: 'Restore it' }).click();
  await backup.getByText('The password in the file counts').waitFor();
  await backup.getByRole('button', { name: 'Restore it' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.locator('input[type=password]').fill(password);
  await page.locator('form button.main').click();
  await inside();
} finally {
  await browser.close();
}
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`walked the settings, ${faults.length} faults\n`);
process.exit(faults.length === 0 ? 0 : 1);
