// axe on every page and dialog, in both themes: nothing serious, nothing critical.
import { inject } from 'vitest'
import type { Page } from 'playwright-core'
import { accessible } from '../support/axe.ts'
import { browserTest, useServer } from '../support/browser.ts'
import { account, button, CONNECTIONS, CONNECTORS, FLOWS, heading, seen, signInPage, visit } from '../support/console.ts'
import { SAP_USER, sapProperties, type Server } from '../support/server.ts'

const use = useServer({ options: ['--connection-check', 'off'] }, async server => {
  await server.sapConnection('erp', inject('sap'))
  await server.sapConnection('crm', inject('sap'))
  await server.sapFlow('airlines', 'erp')
  await server.runFlow('airlines')
  await fail(server)
})

/** A flow with a run that failed. */
async function fail(server: Server): Promise<void> {
  await server.sapFlow('planes', 'crm', 'Planes', ['tailnum', 'year'])
  await server.call('update-connector-profile', {
    connectorProfileName: 'crm',
    connectionMode: 'Public',
    connectorProfileConfig: {
      connectorProfileProperties: { SAPOData: sapProperties(inject('sap')) },
      connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: SAP_USER, password: 'it was changed' } } },
    },
  })
  await server.runFlow('planes')
}

/** Every page that a signed-in person can open, and what is done on it before axe looks. */
const PAGES: [what: string, hash: string, ready: (page: Page) => Promise<void>][] = [
  ['connections', '#/connections', page => seen(page.getByRole('link', { name: 'erp', exact: true }))],
  ['connections of a connector without any', '#/connections?connector=Slack', page => seen(page.getByText('No connections', { exact: true }))],
  ['the form before a choice', '#/connections/create', page => seen(heading(page, 'Create connection'))],
  ['the form with complaints', '#/connections/create?connector=SAPOData', async page => {
    await button(page, 'Create connection').click()
    await seen(page.getByText('Enter a name for the connection.'))
  }],
  ['a form with a choice of four ways', '#/connections/create?connector=Salesforce', page => seen(page.getByRole('heading', { name: 'Authentication' }))],
  ['details', '#/connections/view/erp', page => seen(page.getByRole('link', { name: 'airlines' }))],
  ['edit', '#/connections/edit/erp', page => seen(button(page, 'Save changes'))],
  ['copy', '#/connections/copy/erp', page => seen(button(page, 'Create connection'))],
  ['the dialog that deletes', '#/connections/view/erp', async page => {
    await button(page, 'Delete').click()
    await seen(page.getByText('One flow uses this connection'))
  }],
  ['a connection that is not there', '#/connections/view/nobody', page => seen(page.getByText('Connection not found'))],
  ['connectors', '#/connectors', async page => {
    await seen(heading(page, CONNECTORS))
    await seen(page.getByRole('link', { name: 'Slack', exact: true }))
  }],
  ['a connector', '#/connectors/SAPOData', page => seen(heading(page, /SAP OData/))],
  ['flows', '#/flows', page => seen(page.getByRole('link', { name: 'airlines' }))],
  ['a flow', '#/flows/view/airlines', page => seen(page.getByRole('tab', { name: 'Run history' }))],
  ['a run history with an error', '#/flows/view/planes?tab=history', page => seen(page.getByText('Failed').first())],
  ['the dialog that deletes a flow', '#/flows/view/airlines', async page => {
    await button(page, 'Delete').click()
    await seen(page.getByRole('dialog'))
  }],
  ['help', '#/connections', async page => {
    await seen(heading(page, CONNECTIONS))
    await page.getByRole('button', { name: /^Info about/ }).or(page.getByRole('link', { name: /^Info about/ })).first().click()
    await seen(page.getByRole('heading', { level: 2, name: 'Manage connections' }))
  }],
  ['the dialog for the password', '#/flows', async page => {
    await seen(heading(page, FLOWS))
    await account(page, 'Change password')
    await seen(page.getByRole('dialog', { name: 'Change password' }))
  }],
  ['no such page', '#/nowhere', page => seen(heading(page, 'Page not found'))],
]

for (const dark of [false, true]) {
  const theme = dark ? 'dark' : 'light'
  browserTest(use, `sign-in, ${theme}`, { signedOut: true, dark }, async ({ page, watch }) => {
    watch.expectStatus(401)
    await visit(page, '')
    await signInPage(page)
    await button(page, 'Sign in').click()
    await seen(page.getByText('Enter a user name.'))
    await accessible(page, 'sign-in')
  })

  browserTest(use, `every page, ${theme}`, { dark, seconds: 180 }, async ({ page, context }) => {
    const found: string[] = []
    for (const [what, hash, ready] of PAGES) {
      // A page of its own each, so that no dialog or help panel of the one before is open.
      const fresh = await context.newPage()
      try {
        await visit(fresh, hash)
        await ready(fresh)
        await accessible(fresh, what)
      } catch (error) {
        found.push(`${what}: ${error instanceof Error ? error.message : error}`)
      } finally {
        await fresh.close()
      }
    }
    await visit(page, '')
    if (found.length > 0) throw new Error(found.join('\n\n'))
  })
}
