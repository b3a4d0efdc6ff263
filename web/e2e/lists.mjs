// A list from elsewhere: node e2e/lists.mjs BASE PASSWORD DIRECTORY
// Adds one, sees it come, has it watch, and meets somebody who switched it off and somebody who removed it meanwhile.
import { createServer } from 'node:http';

import { desk, expect, launch, walkShots } from './browser.mjs';

const [base, password, directory] = process.argv.slice(2);
const PATH = '/api/v1/lists/Noise';
const faults = [];

const shot = walkShots(directory);

const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('one.example\ntwo.example\n'));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const browser = await launch();
try {
  const { context, page } = await desk(browser, base, password, faults);
  const said = (text) => page.getByRole('status').getByText(text).last().waitFor();
  const all = async () => (await (await context.request.get(`${base}/api/v1/lists`)).json()).find(({ name }) => name === 'Noise');

  await page.goto(`${base}/lists`);
  await page.locator('details:has(input[type=url]) > summary').press('Enter');
  const form = page.locator('form:has(input[type=url])');
  await form.getByLabel('What to call it').fill('Noise');
  await form.locator('input[type=url]').fill(`http://127.0.0.1:${server.address().port}/noise.txt`);
  await form.getByRole('checkbox').press('Space');
  await form.locator('input[type=url]').press('Enter');
  const list = page.locator('li.listed').filter({ has: page.locator('summary .name', { hasText: /^Noise$/ }) });
  await list.locator('summary').press('Enter');
  await list.getByText('2 names').waitFor();
  await shot(page, 'list-added');

  const does = list.getByRole('combobox');
  await does.selectOption('watch');
  await said('watches from now on');
  expect('what it does', (await all()).action, 'watch');

  // Somebody else is faster: theirs stays, and it is said.
  const theirs = await context.request.put(base + PATH, { data: { enabled: false } });
  expect('the other', theirs.status(), 204);
  await does.selectOption('allow');
  await said('Someone else changed this in the meantime');
  await list.getByRole('button', { name: /^Switch on/ }).waitFor();
  expect('what it does', (await all()).action, 'watch');
  expect('what is shown', await does.inputValue(), 'watch');
  await shot(page, 'list-meanwhile');

  await list.getByRole('button', { name: /^Remove/ }).press('Enter');
  await list.waitFor({ state: 'detached' });
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).last().press('Enter');
  await list.waitFor();
  expect('what it does, put back', [(await all()).action, (await all()).subscription.enabled].join(), 'watch,false');

  // What is gone cannot be switched on.
  expect('the other', (await context.request.delete(base + PATH)).status(), 204);
  await list.locator('summary').press('Enter');
  await list.getByRole('button', { name: /^Switch on/ }).press('Enter');
  await said('Someone else changed this in the meantime');
  await list.waitFor({ state: 'detached' });
  if (faults.length > 0) throw new Error(faults.join('\n'));
  process.stdout.write('a list was added, changed, not overwritten and put back\n');
} finally {
  await browser.close();
  server.close();
}
