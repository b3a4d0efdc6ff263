// A page that is left open while the house asks a lot: node e2e/hour.mjs BASE PASSWORD DNS_HOST:DNS_PORT NAME [MINUTES] [RATE]
// Asks RATE (500) times a second for names below NAME, which must be muted, for MINUTES (60), with the live queries open. Measures the
// page after forced collections, every minute (five times at least), and fails when its heap, its nodes or its listeners grow.
import { createSocket } from 'node:dgram';

import { launch, login } from './browser.mjs';

const [base, password, dns, name, minutes = '60', rate = '500'] = process.argv.slice(2);
const SECONDS = Number(minutes) * 60;
const RATE = Number(rate);
const DEVICES = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
const NAMES = 5_000;
const TICK_MS = 20;
/** Until the list of live rows is full and the page's code is warm. */
const WARM_UP = 20;
const BETWEEN = Math.min(60, SECONDS / 5);
/** What may come on top after the warm-up: a leak of one row's worth of a query would be 500 a second. */
const MORE_BYTES = 3 * 1024 * 1024;
const MORE_NODES = 2_000;
const MORE_LISTENERS = 200;

const [host, port] = dns.split(':');
const sockets = await Promise.all(DEVICES.map((address) => new Promise((done) => {
  const socket = createSocket('udp4');
  socket.bind(0, address, () => done(socket));
})));
let sent = 0;
let answered = 0;
for (const socket of sockets) socket.on('message', () => (answered += 1));

function ask() {
  const labels = `n${sent % NAMES}.${name}`.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const header = Buffer.from([sent >> 8 & 255, sent & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  sockets[sent % sockets.length].send(Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]), Number(port), host);
  sent += 1;
}

const megabytes = (bytes) => (bytes / 1024 / 1024).toFixed(2);
const browser = await launch();
let more;
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await login(context, base, password);
  const page = await context.newPage();
  await page.goto(`${base}/queries`);
  await page.locator('.live .state.on').waitFor();
  const debug = await context.newCDPSession(page);
  let seen = 0;
  debug.on('Network.eventSourceMessageReceived', ({ eventName }) => (seen += Number(eventName === 'query')));
  await debug.send('Network.enable');
  await debug.send('Performance.enable');

  const began = Date.now();
  const asking = setInterval(() => {
    for (const due = ((Date.now() - began) / 1000) * RATE; sent < due; ) ask();
  }, TICK_MS);
  const measure = async () => {
    await debug.send('HeapProfiler.collectGarbage');
    const { metrics } = await debug.send('Performance.getMetrics');
    const value = (wanted) => metrics.find((metric) => metric.name === wanted).value;
    const [heap, nodes, listeners] = ['JSHeapUsedSize', 'Nodes', 'JSEventListeners'].map(value);
    process.stdout.write(`${String(Math.round((Date.now() - began) / 1000)).padStart(5)} s  heap ${megabytes(heap)} MB  nodes ${nodes}  listeners ${listeners}  asked ${sent}  answered ${answered}  seen ${seen}\n`);
    return { heap, nodes, listeners };
  };
  // The time itself is what is tested here, so this waits for it.
  const reached = (second) => new Promise((done) => setTimeout(done, Math.max(0, began + second * 1000 - Date.now())));
  await reached(WARM_UP);
  const first = await measure();
  let last = first;
  for (let second = BETWEEN; second <= SECONDS; second += BETWEEN) {
    await reached(WARM_UP + second);
    last = await measure();
  }
  clearInterval(asking);
  // On a machine that is busy the page is told to look again now and then, and misses some.
  if (seen < sent / 10) throw new Error(`the page saw ${seen} of ${sent} queries`);
  if ((await page.locator('tr.row').count()) === 0) throw new Error('the page shows nothing');
  more = { heap: last.heap - first.heap, nodes: last.nodes - first.nodes, listeners: last.listeners - first.listeners };
} finally {
  await browser.close();
  for (const socket of sockets) socket.close();
}
process.stdout.write(`${minutes} min at ${rate} a second: heap ${megabytes(more.heap)} MB more (at most ${megabytes(MORE_BYTES)}), ${more.nodes} nodes, ${more.listeners} listeners\n`);
process.exit(more.heap <= MORE_BYTES && more.nodes <= MORE_NODES && more.listeners <= MORE_LISTENERS ? 0 : 1);
