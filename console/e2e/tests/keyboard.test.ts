// The connections page by keyboard alone: no click, no pointer, nothing but keys.
import { expect, inject } from 'vitest'
import { browserTest, useServer } from '../support/browser.ts'
import { CONNECTIONS, button, gone, heading, seen, signInPage, visit } from '../support/console.ts'
import { field } from '../support/form.ts'
import { pick, press, tabTo, type } from '../support/keyboard.ts'
import { PASSWORD, USER } from '../support/server.ts'

const use = useServer({}, async server => {
  await server.sapConnection('erp-one', inject('sap'))
  await server.sapConnection('erp-two', inject('sap'))
})

browserTest(use, 'sign in, choose a connector, filter, view, edit and delete', { signedOut: true, seconds: 120 }, async ({ page, server }) => {
  await visit(page, '#/connections')
  await signInPage(page)
  await type(page.getByLabel('User name'), USER)
  await type(page.getByLabel('Password', { exact: true }), PASSWORD)
  await page.keyboard.press('Enter')
  await seen(heading(page, CONNECTIONS))

  await pick(page, page.getByRole('button', { name: /Connectors/ }).first(), /^SAP OData/)
  await seen(page.getByRole('link', { name: 'erp-one', exact: true }))
  expect(page.url()).toContain('connector=SAPOData')
  await type(page.getByLabel('Find connections by name'), 'two')
  await gone(page.getByRole('link', { name: 'erp-one', exact: true }))

  // Into the table, and by the name link to the details.
  await inTable(page.getByRole('link', { name: 'erp-two', exact: true }))
  await page.keyboard.press('Enter')
  await seen(heading(page, 'erp-two'))

  await press(page.getByRole('button', { name: 'Edit', exact: true }))
  await seen(heading(page, 'Edit erp-two'))
  await type(field(page, 'Logon language'), 'DE')
  await press(page.getByRole('button', { name: 'Keep all stored values' }))
  await press(page.getByRole('button', { name: 'Save changes' }))
  await seen(page.getByText('The connection erp-two was saved.'))
  await visit(page, '#/connections/view/erp-two')
  await seen(page.getByText('DE', { exact: true }))

  await press(page.getByRole('button', { name: 'Delete', exact: true }))
  const dialog = page.getByRole('dialog', { name: 'Delete connection' })
  await seen(dialog)
  // The focus is inside the dialog and does not leave it.
  for (let step = 0; step < 8; step++) {
    expect(await dialog.evaluate(element => element.contains(document.activeElement))).toBe(true)
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Escape')
  await gone(dialog)
  await press(page.getByRole('button', { name: 'Delete', exact: true }))
  await type(field(dialog, 'Confirmation'), 'delete')
  // What is typed counts once the page has taken it in.
  await expect.poll(() => button(dialog, 'Delete').isEnabled()).toBe(true)
  await page.keyboard.press('Enter')
  await seen(page.getByText('The connection erp-two was deleted.'))
  const { connectorProfileDetails } = await server.call<{ connectorProfileDetails: { connectorProfileName: string }[] }>('describe-connector-profiles', {})
  expect(connectorProfileDetails.map(each => each.connectorProfileName)).toEqual(['erp-one'])
})

/** A table is one stop of Tab; inside it arrow keys move from cell to cell. */
async function inTable(target: ReturnType<import('playwright-core').Page['getByRole']>): Promise<void> {
  const page = target.page()
  const table = page.getByRole('table').or(page.getByRole('grid')).first()
  for (let step = 0; step < 60; step++) {
    if (await table.evaluate(element => element.contains(document.activeElement))) break
    await page.keyboard.press('Tab')
  }
  for (let step = 0; step < 30; step++) {
    if (await target.evaluate(element => element === document.activeElement)) return
    await page.keyboard.press(step % 4 === 0 ? 'ArrowDown' : 'ArrowRight')
  }
  await tabTo(target, 10)
}
