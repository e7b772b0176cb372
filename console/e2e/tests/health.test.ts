// The health of connections: what a test finds is told, shown, kept and found again. Every login here
// is tried for the first time by "Test".
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { act, button, gone, heading, row, seen, visit } from '../support/console.ts'
import { shown } from '../support/form.ts'
import { freePort } from '../support/peers.ts'
import type { Server } from '../support/server.ts'

const WRONG = 'wrong-password-canary-17'

const use = useServer({ options: ['--connection-check', 'off'] }, async server => {
  await server.sapConnection('works', inject('sap'))
  await server.sapConnection('refused', inject('sap'), {}, WRONG)
  await server.sapConnection('nobody-there', inject('sap'), { portNumber: await freePort() })
})

/** What the server keeps of the last test. */
async function kept(server: Server, name: string): Promise<{ result: string; message: string } | null> {
  const { connectorProfiles } = await server.extension<{ connectorProfiles: { connectorProfileName: string; health: { result: string; message: string } | null }[] }>('list-connector-profiles', {})
  return connectorProfiles.find(each => each.connectorProfileName === name)!.health
}

/** The names in the table. */
const names = async (page: Page) => (await page.getByRole('table').or(page.getByRole('grid')).first().getByRole('rowheader').allTextContents()).map(text => text.trim()).sort()

browserTest(use, 'each result is told in words of its own, and stands in the list and on the details page', {}, async ({ page, context, watch, server }) => {
  await visit(page, '#/connections')
  const cases = [
    ['works', 'Proved', 'The login of works works'],
    ['refused', 'Refused', 'The application refused the login of refused'],
    ['nobody-there', 'Unreachable', 'The application of nobody-there could not be reached'],
  ] as const
  for (const [name, result, told] of cases) {
    await seen(row(page, name).getByText('Not tested', { exact: true }))
    expect(await kept(server, name)).toBeNull()
    await act(page, name, 'Test')
    await seen(page.getByText(told))
    await seen(row(page, name).getByText(result, { exact: true }))
    // What is not good news is told in the server's words.
    const health = await kept(server, name)
    expect(health?.result).toBe(result)
    expect(health!.message).not.toBe('')
    await seen(page.getByText(health!.message, { exact: false }))
  }
  await button(page, 'Health Any').click()
  await page.getByRole('option', { name: 'Refused', exact: true }).click()
  await gone(page.getByRole('link', { name: 'works', exact: true }))
  expect(await names(page)).toEqual(['refused'])
  expect(page.url()).toContain('health=Refused')

  await page.getByRole('link', { name: 'refused', exact: true }).click()
  await seen(heading(page, 'refused'))
  await expect.poll(() => shown(page, 'Health')).toBe('Refused')
  expect(await shown(page, 'Message of the last test')).toBe((await kept(server, 'refused'))!.message)
  await noTrace(context, watch, [WRONG])
})

browserTest(use, 'the details page tests anew, and says what has changed since', {}, async ({ page, server }) => {
  await server.sapConnection('mended', inject('sap'), {}, WRONG)
  await visit(page, '#/connections/view/mended')
  await expect.poll(() => shown(page, 'Health')).toBe('Not tested')
  await button(page, 'Test').click()
  await expect.poll(() => shown(page, 'Health')).toBe('Refused')
  await server.call('delete-connector-profile', { connectorProfileName: 'mended' })
  await server.sapConnection('mended', inject('sap'))
  await button(page, 'Test').click()
  await expect.poll(() => shown(page, 'Health')).toBe('Proved')
  expect((await kept(server, 'mended'))?.result).toBe('Proved')
})
