// The weight of the first load: what index.html names, what that imports at once, and the heaviest language.
// Fails over the limit. Everything is counted as gzip -9 would send it.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT = 100_000;
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const LANGUAGE = /^(en|de|nl)-.*\.js$/;

const weigh = (path) => gzipSync(readFileSync(DIST + path), { level: 9 }).length;
const index = readFileSync(`${DIST}index.html`, 'utf8');
const named = [...index.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, path]) => path);
const languages = readdirSync(`${DIST}assets`).filter((file) => LANGUAGE.test(file)).map((file) => `assets/${file}`);
const heaviest = languages.toSorted((a, b) => weigh(b) - weigh(a)).slice(0, 1);

const parts = ['index.html', ...named, ...heaviest];
const total = parts.reduce((sum, path) => sum + weigh(path), 0);
for (const path of parts) process.stdout.write(`${String(weigh(path)).padStart(8)}  ${path}\n`);
process.stdout.write(`${String(total).padStart(8)}  first load, gzip (limit ${LIMIT})\n`);
if (languages.length < 3) {
  process.stderr.write('A language is missing from dist/assets, so the figure means nothing.\n');
  process.exit(1);
}
if (total > LIMIT) {
  process.stderr.write(`${total - LIMIT} bytes over the limit.\n`);
  process.exit(1);
}
