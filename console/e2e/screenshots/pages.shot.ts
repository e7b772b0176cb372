// Pictures of every page in both themes, for the README: `npm run screenshots`.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer } from '../support/browser.ts'
import { button, CONNECTIONS, CONNECTORS, FLOWS, heading, seen, signInPage, visit } from '../support/console.ts'
import { field } from '../support/form.ts'
import { ROOT } from '../support/paths.ts'
import { SAP_PASSWORD, SAP_USER, sapProperties, USER, type Server } from '../support/server.ts'

const FOLDER = path.join(ROOT, 'docs/screenshots')

const use = useServer({ options: ['--connection-check', 'off'] }, seed)

/** The same names each time; only times and the port of SAP's server differ. */
async function seed(server: Server): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const create = (connectorProfileName: string, connectorType: string, properties: object, credentials: object) =>
    server.call('create-connector-profile', {
      connectorProfileName,
      connectorType,
      connectionMode: 'Public',
      connectorProfileConfig: {
        connectorProfileProperties: { [connectorType]: properties },
        connectorProfileCredentials: { [connectorType]: credentials },
      },
    })
  await create('crm-europe', 'Salesforce', { instanceUrl: 'https://example.my.salesforce.com' }, { accessToken: 'a', refreshToken: 'r', oAuth2GrantType: 'AUTHORIZATION_CODE' })
  await create('helpdesk', 'Zendesk', { instanceUrl: 'https://example.zendesk.com' }, { clientId: 'c', clientSecret: 's', accessToken: 'a' })
  await create('team-chat', 'Slack', { instanceUrl: 'https://example.slack.com' }, { clientId: 'c', clientSecret: 's', accessToken: 'a' })
  await create('warehouse', 'Snowflake', { warehouse: 'COMPUTE_WH', stage: '@DB.PUBLIC.STAGE', bucketName: 'landing', accountName: 'xy12345' }, { username: 'loader', password: 'p' })
  await create('metrics', 'Datadog', { instanceUrl: 'https://api.datadoghq.eu' }, { apiKey: 'k', applicationKey: 'a' })
  await server.sapConnection('erp-production', inject('sap'))
  await server.sapConnection('erp-quality', inject('sap'))
  await server.sapConnection('erp-retired', inject('sap'))
  await server.sapFlow('flights-to-lake', 'erp-production', 'Flights', ['ID', 'year', 'month', 'day', 'carrier', 'flight', 'origin', 'dest'])
  await server.sapFlow('airlines-nightly', 'erp-production')
  await server.sapFlow('planes-of-quality', 'erp-quality', 'Planes', ['tailnum', 'year', 'manufacturer', 'model', 'seats'])
  await server.sapFlow('airlines-retired', 'erp-retired')
  await server.call('update-connector-profile', {
    connectorProfileName: 'erp-retired',
    connectionMode: 'Public',
    connectorProfileConfig: {
      connectorProfileProperties: { SAPOData: sapProperties(inject('sap')) },
      connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: SAP_USER, password: 'no longer valid' } } },
    },
  })
  for (const name of ['erp-production', 'erp-quality', 'erp-retired']) await server.extension('test-connector-profile', { connectorProfileName: name })
  for (const flow of ['airlines-nightly', 'planes-of-quality', 'airlines-retired', 'flights-to-lake', 'flights-to-lake', 'flights-to-lake']) await server.runFlow(flow)
}

/** Name of the picture, address, and what is done before it is taken. */
const PAGES: [name: string, hash: string, ready: (page: Page) => Promise<void>][] = [
  ['connections', '#/connections', async page => {
    await seen(heading(page, CONNECTIONS))
    await seen(page.getByRole('link', { name: 'erp-production', exact: true }))
  }],
  ['connection', '#/connections/view/erp-production', page => seen(page.getByRole('link', { name: 'flights-to-lake' }))],
  ['create-connection', '#/connections/create?connector=SAPOData', async page => {
    await field(page, 'Connection name').fill('erp-sandbox')
    await field(page, 'Application host URL').fill('https://sap.example.com')
    await field(page, 'Application service path').fill('/sap/opu/odata/iwfnd/catalogservice;v=2')
    await field(page, 'Port number').fill('443')
    await field(page, 'Client number').fill('1')
    await field(page, 'User name').fill('APPFLOW')
    await field(page, 'Password').fill(SAP_PASSWORD)
    await field(page, 'Connection name').scrollIntoViewIfNeeded()
  }],
  ['edit-connection', '#/connections/edit/erp-production', async page => {
    await seen(button(page, 'Keep all stored values'))
    await button(page, 'Keep all stored values').click()
    await button(page, 'Save changes').scrollIntoViewIfNeeded()
  }],
  ['delete-connection', '#/connections/view/erp-production', async page => {
    await button(page, 'Delete').click()
    await seen(page.getByText('2 flows use this connection'))
  }],
  ['connectors', '#/connectors', async page => {
    await seen(heading(page, CONNECTORS))
    await seen(page.getByRole('link', { name: 'Amplitude', exact: true }))
  }],
  ['connector', '#/connectors/SAPOData', page => seen(page.getByText('Application host URL'))],
  ['flows', '#/flows', async page => {
    await seen(heading(page, FLOWS))
    await seen(page.getByRole('link', { name: 'flights-to-lake' }))
  }],
  ['flow', '#/flows/view/flights-to-lake', page => seen(page.getByRole('tab', { name: 'Run history' }))],
  ['run-history', '#/flows/view/flights-to-lake?tab=history', async page => {
    await seen(page.getByRole('grid', { name: 'Runs' }).getByText('Successful'))
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight))
  }],
]

async function shoot(page: Page, name: string, dark: boolean): Promise<void> {
  await page.waitForLoadState('networkidle')
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: path.join(FOLDER, `${name}-${dark ? 'dark' : 'light'}.png`), animations: 'disabled', caret: 'hide' })
}

for (const dark of [false, true]) {
  browserTest(use, `sign-in, ${dark ? 'dark' : 'light'}`, { signedOut: true, dark }, async ({ page }) => {
    await visit(page, '')
    await signInPage(page)
    await page.getByLabel('User name').fill(USER)
    await shoot(page, 'sign-in', dark)
  })
  for (const [name, hash, ready] of PAGES) {
    browserTest(use, `${name}, ${dark ? 'dark' : 'light'}`, { dark }, async ({ page }) => {
      await visit(page, hash)
      await ready(page)
      await shoot(page, name, dark)
    })
  }
}
