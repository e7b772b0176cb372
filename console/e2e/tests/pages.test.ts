// Addresses and the ways between pages: deep links, back and forward, the catalogue.
import { expect, inject } from 'vitest'
import { browserTest, useServer } from '../support/browser.ts'
import { button, CONNECTIONS, CONNECTORS, FLOWS, gone, heading, seen, signIn, signInPage, visit } from '../support/console.ts'
import { chooseConnector } from '../support/form.ts'

const use = useServer({}, server => server.sapConnection('erp', inject('sap')))

browserTest(use, 'every page has an address of its own that survives the sign-in', { signedOut: true }, async ({ page }) => {
  for (const [hash, title] of [['#/connections/view/erp', 'erp'], ['#/connectors/SAPOData', /SAP OData/], ['#/flows', FLOWS]] as const) {
    await page.context().clearCookies()
    await visit(page, 'healthz')
    await visit(page, hash)
    await signInPage(page)
    await signIn(page)
    await seen(heading(page, title))
    expect(new URL(page.url()).hash).toBe(hash)
    // Requests that are still under way would be refused without the cookie.
    await page.waitForLoadState('networkidle')
  }
})

browserTest(use, 'goes back and forward', {}, async ({ page }) => {
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  await chooseConnector(page, page.getByRole('button', { name: /Connectors/ }).first(), 'SAP OData')
  await page.getByRole('link', { name: 'erp', exact: true }).click()
  await seen(heading(page, 'erp'))
  await button(page, 'Edit').click()
  await seen(heading(page, 'Edit erp'))
  await page.goBack()
  await seen(heading(page, /^erp$/))
  await page.goBack()
  await seen(heading(page, CONNECTIONS))
  expect(page.url()).toContain('connector=SAPOData')
  await page.goForward()
  await seen(heading(page, /^erp$/))
  // Breadcrumbs lead up, and the title names the page.
  expect(await page.title()).toBe('erp | Tidegate')
  await page.getByRole('navigation', { name: 'Breadcrumbs' }).getByRole('link', { name: 'Connections' }).click()
  await seen(heading(page, CONNECTIONS))
})

browserTest(use, 'the catalogue finds connectors and shows what they offer', {}, async ({ page }) => {
  await visit(page, '#/connectors')
  await seen(heading(page, CONNECTORS))
  await seen(page.getByRole('link', { name: 'Salesforce', exact: true }))
  await page.getByLabel('Find connectors').fill('odata')
  await gone(page.getByRole('link', { name: 'Salesforce', exact: true }))
  await page.getByRole('link', { name: 'SAP OData', exact: true }).click()
  await seen(heading(page, /SAP OData/))
  for (const text of ['Application host URL', 'User name and password', 'INSERT']) await seen(page.getByText(text, { exact: false }))
  await button(page, 'Create connection').or(page.getByRole('link', { name: 'Create connection' })).first().click()
  await seen(heading(page, 'Create connection'))
  expect(page.url()).toContain('connector=SAPOData')
})

browserTest(use, 'an address that leads nowhere says so', {}, async ({ page }) => {
  await visit(page, '#/no/such/page')
  await seen(heading(page, 'Page not found'))
  await visit(page, '#/connections/view/nobody')
  await seen(page.getByText('There is no connection with the name nobody. It may have been deleted.'))
})
