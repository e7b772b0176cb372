// How fast it is, with limits that the build must keep.
import { expect } from 'vitest'
import type { CDPSession, Page } from 'playwright-core'
import { browserTest, newContext, useServer } from '../support/browser.ts'
import { button, seen, visit } from '../support/console.ts'
import type { Server } from '../support/server.ts'

const MANY = 10_000
/** Milliseconds from the navigation until the connections page shows its table, with nothing in the browser's cache. */
const FIRST_LOAD = 1000
/** Milliseconds from a click or key to what it brings, among 10,000 connections. */
const INTERACTION = 300
/** KiB of script as they travel. */
const SCRIPT = 700

const use = useServer({ options: ['--connection-check', 'off'] }, server => seed(server, MANY))

/** Connections `conn-00000` and on; all to Datadog. */
async function seed(server: Server, count: number): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const number = next++
      await server.call('create-connector-profile', {
        connectorProfileName: name(number),
        connectorType: 'Datadog',
        connectionMode: 'Public',
        connectorProfileConfig: {
          connectorProfileProperties: { Datadog: { instanceUrl: 'https://api.datadoghq.eu' } },
          connectorProfileCredentials: { Datadog: { apiKey: 'key', applicationKey: 'application' } },
        },
      })
    }
  }
  await Promise.all(Array.from({ length: 24 }, worker))
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!

/** Milliseconds from a person's input until a row with this text is drawn, measured inside the page. */
async function drawn(page: Page, action: () => Promise<unknown>, row: string): Promise<number> {
  const found = page.evaluate(wanted => new Promise<number>(done => {
    let began = 0
    for (const name of ['keydown', 'pointerdown', 'input']) {
      window.addEventListener(name, () => (began ||= performance.now()), { capture: true, once: true })
    }
    const look = () => {
      const there = document.querySelector('table tbody')?.textContent?.includes(wanted)
      if (began && there) requestAnimationFrame(() => done(performance.now() - began))
      else requestAnimationFrame(look)
    }
    look()
  }), row)
  // A test that ended first has no more use for it.
  found.catch(() => {})
  await action()
  return found
}

const name = (number: number): string => `conn-${String(number).padStart(5, '0')}`

browserTest(use, 'the first load of the connections page is quick and small', { seconds: 180, signedOut: true }, async ({ server }) => {
  const times: number[] = []
  let script = 0
  // The first turn starts the browser's own processes and is not counted.
  for (let turn = 0; turn < 6; turn++) {
    const { context, watch } = await newContext(use.browser(), server)
    const page = await context.newPage()
    const devtools = await context.newCDPSession(page)
    await devtools.send('Network.enable')
    await devtools.send('Network.setCacheDisabled', { cacheDisabled: true })
    const transferred = scripts(devtools)
    await page.addInitScript(noteFirstRow)
    await visit(page, '#/connections?connector=Datadog')
    await page.getByRole('link', { name: /^conn-\d+$/ }).first().waitFor()
    const shown = await page.waitForFunction(() => (window as { firstRow?: number }).firstRow)
    if (turn > 0) times.push((await shown.jsonValue()) as number)
    await page.waitForLoadState('networkidle')
    script = Math.max(script, transferred())
    watch.check()
    await context.close()
  }
  console.log(`first load: ${times.map(Math.round).join(', ')} ms, median ${Math.round(median(times))}; script ${(script / 1024).toFixed(1)} KiB`)
  expect(script).toBeGreaterThan(50 * 1024)
  expect(script / 1024).toBeLessThanOrEqual(SCRIPT)
  expect(median(times)).toBeLessThan(FIRST_LOAD)
})

/** Runs in the page: notes when its table has a row, in milliseconds since the navigation began. */
function noteFirstRow(): void {
  const look = () => {
    if (document.querySelector('table tbody a')?.textContent?.startsWith('conn-')) {
      ;(window as { firstRow?: number }).firstRow = performance.now()
    } else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

/** Counts the bytes of scripts as they come over the wire. */
function scripts(devtools: CDPSession): () => number {
  const kinds = new Map<string, string>()
  let bytes = 0
  devtools.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type))
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (kinds.get(requestId) === 'Script') bytes += encodedDataLength
  })
  return () => bytes
}

browserTest(use, 'the table stays quick among 10,000 connections', { seconds: 120 }, async ({ page }) => {
  await visit(page, '#/connections?connector=Datadog')
  await seen(page.getByRole('link', { name: name(0), exact: true }))
  const size = await page.getByRole('link', { name: /^conn-\d+$/ }).count()
  await seen(page.getByText(`(${MANY})`).or(page.getByText('(10,000)')))
  const times: Record<string, number[]> = { paging: [], sorting: [], filtering: [] }
  for (let turn = 1; turn <= 7; turn++) {
    times.paging!.push(await drawn(page, () => button(page, 'Next page').click(), name(turn * size)))
  }
  const sort = page.getByRole('columnheader', { name: 'Connection name' }).getByRole('button').first()
  for (let turn = 0; turn < 4; turn++) {
    times.sorting!.push(await drawn(page, () => sort.press('Enter'), name(turn % 2 === 0 ? MANY - 1 : 0)))
  }
  const filter = page.getByLabel('Find connections by name')
  for (const number of [42, 4711, 9999, 815, 1234]) {
    await filter.fill('')
    await seen(page.getByRole('link', { name: name(0), exact: true }))
    times.filtering!.push(await drawn(page, () => filter.fill(String(number).padStart(5, '0')), name(number)))
  }
  await filter.fill('')
  await seen(page.getByRole('link', { name: name(0), exact: true }))
  for (const [what, all] of Object.entries(times)) {
    if (all.length > 0) console.log(`${what}: ${all.map(Math.round).join(', ')} ms, median ${Math.round(median(all))}`)
  }
  for (const what of ['paging', 'sorting', 'filtering']) expect(median(times[what]!), what).toBeLessThan(INTERACTION)
})
