// axe-core in a page whose policy forbids foreign scripts: its source is evaluated through the
// browser's own debugging interface, which no policy of the page concerns.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Expects no serious or critical finding on the page as it is now. */
export async function accessible(page: Page, where: string): Promise<void> {
  await page.evaluate(`if (!window.axe) { ${SOURCE} }; undefined`)
  const results = await page.evaluate(async options => {
    const { axe } = window as unknown as { axe: { run(context: Document, options: RunOptions): Promise<AxeResults> } }
    return axe.run(document, options)
  }, { resultTypes: ['violations'] } as RunOptions)
  const bad = results.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const told = bad.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}\n${nodes.slice(0, 3).map(node => `   ${node.html.slice(0, 200)}\n   ${node.failureSummary ?? ''}`).join('\n')}`)
  expect(told, where).toEqual([])
}
