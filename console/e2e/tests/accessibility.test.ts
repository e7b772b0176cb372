// axe on every page and dialog, in both themes: nothing serious, nothing critical.
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { accessible } from '../support/axe.ts'
import { browserTest, useServer } from '../support/browser.ts'
import { account, button, CONNECTIONS, CONNECTORS, FLOWS, heading, seen, signInPage, visit } from '../support/console.ts'
import { field } from '../support/form.ts'
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

/** Every page that a signed-in person can open, what is done on it before axe looks, and what before it is opened. */
const PAGES: [what: string, hash: string, ready: (page: Page) => Promise<void>, before?: (page: Page) => Promise<void>][] = [
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
  ['the question before a half-filled form is left', '#/connections/create?connector=Datadog', async page => {
    await field(page, 'Connection name').fill('half')
    await button(page, 'Cancel').or(page.getByRole('link', { name: 'Cancel' })).first().click()
    await seen(page.getByRole('dialog', { name: 'Leave this page' }))
  }],
  ['a form whose credentials would go elsewhere', '#/connections/edit/erp', async page => {
    await field(page, 'Application service path').fill('/odata/v2/nycflights')
    await seen(page.getByText(/You changed where the credentials are sent/))
  }],
  ['the form with an authorization', '#/connections/create?connector=SAPOData', async page => {
    await page.getByRole('radio', { name: 'OAuth 2.0' }).check({ force: true })
    await button(page, 'Authorize').click()
    await seen(page.getByText('Client ID is required.'))
  }],
  ['a test that was refused', '#/connections/view/crm', async page => {
    await button(page, 'Test').click()
    await seen(page.getByText('The application refused the login of crm'))
  }],
  ['connections with their health', '#/connections?q=crm', async page => {
    await page.getByRole('button', { name: 'Refused' }).click()
    await seen(page.getByText(/^Tested /))
  }],
  ['no connection that fits', '#/connections?q=nothing-like-it', page => seen(page.getByText('No matches'))],
  ['connections of a connector that there is not', '#/connections?connector=CustomConnector&label=nowhere', page => seen(page.getByRole('link', { name: 'Show all connections' }).or(page.getByText('Unknown connector')))],
  ['the preferences of the connections table', '#/connections', async page => {
    await seen(page.getByRole('link', { name: 'erp', exact: true }))
    await button(page, 'Preferences').click()
    await seen(page.getByRole('dialog', { name: 'Preferences' }))
  }],
  ['the preferences of the flows table', '#/flows', async page => {
    await seen(page.getByRole('link', { name: 'airlines' }))
    await button(page, 'Preferences').click()
    await seen(page.getByRole('dialog', { name: 'Preferences' }))
  }],
  ['a connector that there is not', '#/connectors/Nothing', page => seen(page.getByText('Connector not found'))],
  ['a flow that is not there', '#/flows/view/nothing', page => seen(page.getByText('Flow not found'))],
  ...(['fields', 'filters', 'output', 'tags', 'history'] as const).map((tab): (typeof PAGES)[number] => [
    `a flow's tab ${tab}`, `#/flows/view/airlines?tab=${tab}`, page => seen(page.getByRole('tabpanel')),
  ]),
  ['the question whether one is still there', '#/flows', async page => {
    await seen(heading(page, FLOWS))
    await page.clock.fastForward('29:10')
    await page.clock.runFor(2000)
    await seen(page.getByRole('dialog', { name: 'Are you still there?' }))
    // With this time, as requests are signed with it.
  }, page => page.clock.install({ time: Date.now() })],
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

  browserTest(use, `every page, ${theme}`, { dark, seconds: 180 }, async ({ page, context, watch }) => {
    // Some of the pages are about what is not there.
    watch.expectStatus(400, 404)
    const found: string[] = []
    for (const [what, hash, ready, before] of PAGES) {
      // A page of its own each, so that no dialog or help panel of the one before is open.
      const fresh = await context.newPage()
      try {
        await before?.(fresh)
        await visit(fresh, hash)
        await ready(fresh)
        // The theme is what this is about: one that is not there would be looked at twice.
        expect(await fresh.locator('body.awsui-dark-mode').count(), 'the dark theme').toBe(dark ? 1 : 0)
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
