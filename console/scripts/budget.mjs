// Fails when the first load of the connections page brings more script than it may:
// `node scripts/budget.mjs [dist]`. Counted are the entry and the page's chunk with everything
// they import, and what the page's chunk may itself load later.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const LIMIT_KIB = 700;
const PAGE = "page-connections-";

const dist = process.argv[2] ?? "dist";
const assets = join(dist, "assets");
const files = readdirSync(assets);
const html = readFileSync(join(dist, "index.html"), "utf8");

const page = files.find((file) => file.startsWith(PAGE) && file.endsWith(".js"));
if (page === undefined) fail(`there is no chunk ${PAGE}*.js in ${assets}`);

/** Chunks named in a text: all, or only those imported at once. */
function imported(text, dynamic) {
  const pattern = dynamic
    ? /["'`](?:\.\/|assets\/)([\w.-]+\.js)["'`]/g
    : /(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g;
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

const load = new Set();
function add(file, dynamic) {
  if (load.has(file) || !files.includes(file)) return;
  load.add(file);
  const text = readFileSync(join(assets, file), "utf8");
  for (const next of imported(text, dynamic)) {
    // The entry names every page; only the connections page is loaded with it.
    if (!next.startsWith("page-") && !entries.includes(next)) add(next, dynamic);
  }
}

const entries = [...html.matchAll(/(?:src|href)="\.\/assets\/([\w.-]+\.js)"/g)].map((match) => match[1]);
if (entries.length === 0) fail("index.html loads no script");
for (const entry of entries) add(entry, false);
add(page, true);

const styles = [...html.matchAll(/href="\.\/assets\/([\w.-]+\.css)"/g)].map((match) => match[1]);
let total = 0;
for (const file of [...load, ...styles]) {
  const content = readFileSync(join(assets, file));
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  const compressed = brotliCompressSync(content, options).length;
  const script = file.endsWith(".js");
  if (script) total += compressed;
  console.log(`${kib(compressed)} compressed ${kib(content.length)} plain  ${basename(file)}`);
}
console.log(`${kib(total)} of ${LIMIT_KIB} KiB script for the first load of the connections page`);
if (total > LIMIT_KIB * 1024) fail("the first load is over its budget");

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1).padStart(7)} KiB`;
}

function fail(text) {
  console.error(`budget: ${text}`);
  process.exit(1);
}
