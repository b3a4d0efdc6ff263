// Who is one device: node e2e/devices.mjs BASE PASSWORD DNS_HOST:DNS_PORT DIRECTORY
// Renames a device, meets somebody who renamed it meanwhile, joins another to it, takes that apart, splits an address off.
// Expects 127.0.0.21 and .22 to be anna-phone by their hardware address, and 127.0.0.23 old-phone.

import { desk, expect, launch, resolver, walkShots } from './browser.mjs';

const [base, password, dns, directory] = process.argv.slice(2);
const OLD = 'old-phone';
const faults = [];

const shot = walkShots(directory);
const resolve = resolver(dns);

const browser = await launch();
try {
  const { context, page } = await desk(browser, base, password, faults);
  const said = (text) => page.getByRole('status').getByText(text).last().waitFor();
  const undo = () => page.getByRole('status').getByRole('button', { name: 'Undo' }).last().press('Enter');
  const devices = async () => (await (await context.request.get(`${base}/api/v1/devices`)).json()).map(({ name }) => name).toSorted().join();
  for (const last of [21, 22, 23]) await resolve('log.example', `127.0.0.${last}`);
  const before = await devices();

  await page.goto(`${base}/devices`);
  await page.getByRole('link', { name: 'anna-phone' }).press('Enter');
  const heading = page.getByRole('heading', { level: 1 });
  await heading.filter({ hasText: 'anna-phone' }).waitFor();

  // A name of your own, by keyboard; Escape leaves it as it was.
  const name = page.getByLabel('Name of this device');
  const rename = page.getByRole('button', { name: 'Rename' });
  await rename.press('Enter');
  await name.press('Escape');
  await heading.filter({ hasText: 'anna-phone' }).waitFor();
  await rename.press('Enter');
  await name.fill('Anna’s phone');
  await name.press('Enter');
  await said('Anna’s phone');
  await heading.filter({ hasText: 'Anna’s phone' }).waitFor();

  // Somebody else is faster: theirs stays, and it is said.
  await rename.press('Enter');
  await name.fill('Phone');
  const id = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1));
  const theirs = await context.request.put(`${base}/api/v1/devices/${encodeURIComponent(id)}`, { data: { name: 'Anna’s new phone' } });
  expect('the other', theirs.status(), 204);
  await name.press('Enter');
  await said('Someone else changed this in the meantime');
  await heading.filter({ hasText: 'Anna’s new phone' }).waitFor();

  // The old phone was the same one.
  const identity = page.locator('.identity');
  const join = async () => {
    await identity.locator('summary').press('Enter');
    await identity.getByLabel('What that one asked').selectOption({ label: OLD });
    await identity.getByRole('button', { name: 'Join' }).press('Enter');
    await said('are one device now');
    await identity.getByText('joined by you').waitFor();
  };
  await join();
  await shot(page, 'joined');
  expect('the old phone among the devices', (await devices()).includes(OLD), false);
  await undo();
  await identity.getByText('joined by you').waitFor({ state: 'detached' });
  expect('the old phone among the devices, taken back', (await devices()).includes(OLD), true);
  await join();
  await identity.getByRole('button', { name: /^Take apart/ }).press('Enter');
  await said('is a device of its own again');
  await identity.getByText('joined by you').waitFor({ state: 'detached' });

  // One of its addresses is somebody else's; somebody has split it off already, and that is said.
  const apart = (apart) => context.request.put(`${base}/api/v1/addresses`, { data: { address: '127.0.0.22', apart } });
  const splitOff = identity.getByRole('button', { name: /^Split off.*127\.0\.0\.22/ });
  await splitOff.waitFor();
  expect('the other who splits', (await apart(true)).status(), 204);
  await splitOff.press('Enter');
  await said('Someone else changed this in the meantime');
  await identity.getByText('127.0.0.22').waitFor({ state: 'detached' });
  expect('the other who puts it back', (await apart(false)).status(), 204);
  await page.reload();

  // Nobody interferes, and it goes back again.
  await splitOff.press('Enter');
  await said('is a device of its own now');
  await identity.getByText('127.0.0.22').waitFor({ state: 'detached' });
  await resolve('log.example', '127.0.0.22');
  await page.goto(`${base}/devices/ip-127.0.0.22`);
  await heading.filter({ hasText: '127.0.0.22' }).waitFor();
  await shot(page, 'split');
  await identity.getByRole('button', { name: 'Put it back' }).press('Enter');
  await said('counts for whoever has it');
  await page.goto(`${base}/devices/${encodeURIComponent(id)}`);
  await identity.getByText('127.0.0.22').waitFor();

  // Without a name of your own it is called as it calls itself.
  await rename.press('Enter');
  await name.fill('');
  await name.press('Enter');
  await heading.filter({ hasText: 'anna-phone' }).waitFor();
  expect('the phones after it all', (await devices()).split(',').filter((name) => name.includes('phone')).join(), before);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  process.stdout.write('a device was renamed, joined, taken apart, split and put back\n');
} finally {
  await browser.close();
}
