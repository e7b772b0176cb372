// Compresses each file of a folder with brotli and gzip into another one:
// `node compress.mjs FROM TO` writes TO/<path>.br and TO/<path>.gz.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const [from, to] = process.argv.slice(2);
const entries = await readdir(from, { recursive: true, withFileTypes: true });
await Promise.all(
  entries.filter((entry) => entry.isFile()).map(async (entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const target = join(to, relative(from, path));
    const content = await readFile(path);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    const [br, gz] = await Promise.all([promisify(brotliCompress)(content, { params }), promisify(gzip)(content, { level: 9 })]);
    await mkdir(dirname(target), { recursive: true });
    await Promise.all([writeFile(`${target}.br`, br), writeFile(`${target}.gz`, gz)]);
  }),
);
