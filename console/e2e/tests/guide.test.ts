// The AppFlow guide's "Managing connections", step by step, for SAP OData: every connection here is
// proven by SAP's own server before it is stored.
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { CONNECTIONS, act, button, gone, heading, row, seen, visit } from '../support/console.ts'
import { chooseConnector, deleteFromDetails, field, shown } from '../support/form.ts'
import { SAP_PASSWORD, SAP_USER, type Server } from '../support/server.ts'

const use = useServer()

const connectors = (page: Page) => page.getByRole('button', { name: /Connectors/ }).first()

/** The settings of the form, as a person types them. */
async function settings(page: Page, port: string): Promise<void> {
  await field(page, 'Application host URL').fill('http://localhost')
  await field(page, 'Application service path').fill('/odata/v4/nycflights')
  await field(page, 'Port number').fill(port)
  await field(page, 'Client number').fill('100')
}

/** How many entities a connection lists at the server. */
async function entities(server: Server, connectorProfileName: string): Promise<number> {
  const { connectorEntityMap } = await server.call<{ connectorEntityMap: Record<string, unknown[]> }>('list-connector-entities', { connectorProfileName, connectorType: 'SAPOData' })
  return Object.values(connectorEntityMap).flat().length
}

const port = () => new URL(inject('sap')).port

browserTest(use, 'create: choose the connector, fill the form, and the login proves it', {}, async ({ page, context, watch, server }) => {
  watch.expectStatus(400, 401)
  await visit(page, '')
  await page.getByRole('link', { name: 'Connections', exact: true }).first().click()
  await seen(page.getByText('No connections', { exact: true }))
  await chooseConnector(page, connectors(page), 'SAP OData')
  await seen(page.getByText(/No connection for SAP OData exists yet/))
  await button(page, 'Create connection').first().click()
  await seen(heading(page, 'Create connection'))

  // The server's rules, as one types.
  await button(page, 'Create connection').click()
  await seen(page.getByText('Enter a name for the connection.'))
  await seen(page.getByText('Application host URL is required.'))
  await field(page, 'Connection name').fill('two words')
  await seen(page.getByText('Use only letters, digits and the characters _ / ! @ # + = . -'))
  await field(page, 'Connection name').fill('erp')
  await gone(page.getByText('Use only letters, digits and the characters _ / ! @ # + = . -'))
  await field(page, 'Application host URL').fill('sap.example.com')
  await field(page, 'Application host URL').blur()
  await seen(page.getByText(/begins with https:\/\//))
  await settings(page, '99999')
  await field(page, 'Client number').fill('7')
  await field(page, 'Client number').blur()
  await seen(page.getByText('Use exactly 3 characters.'))
  await seen(page.getByText('Enter a number from 1 to 65535.'))
  await settings(page, port())
  await gone(page.getByText('Use exactly 3 characters.'))

  // The application's own words at the field for a wrong password.
  await page.getByRole('radio', { name: 'User name and password' }).check({ force: true })
  await field(page, 'User name').fill(SAP_USER)
  const wrong = 'wrong-password-canary-81'
  await field(page, 'Password').fill(wrong)
  await button(page, 'Create connection').click()
  const refused = page.getByText(/401/)
  await seen(refused)
  await field(page, 'Password').fill(SAP_PASSWORD)
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection erp was created.'))
  expect(await entities(server, 'erp')).toBeGreaterThan(3)
  await noTrace(context, watch, [wrong, SAP_PASSWORD])
})

browserTest(use, 'view details: by the name link, and nothing secret is there', {}, async ({ page, context, watch, server }) => {
  await server.sapConnection('view-me', inject('sap'))
  await visit(page, '#/connections?connector=SAPOData')
  await seen(row(page, 'view-me').getByText('Proved'))
  await seen(row(page, 'view-me').getByText('Public'))
  await page.getByRole('link', { name: 'view-me', exact: true }).click()
  await seen(heading(page, 'view-me'))
  expect(await shown(page, 'Application service path')).toBe('/odata/v4/nycflights')
  expect(await shown(page, 'Port number')).toBe(port())
  expect(await shown(page, 'Password')).toBe('Set')
  expect(await shown(page, 'ARN')).toContain(':connectorprofile/view-me')
  await seen(page.getByText('No flow uses this connection'))
  await noTrace(context, watch, [SAP_PASSWORD])
  // The search does find what is there: a name in the page, and in an answer once the page is left.
  await expect(noTrace(context, watch, ['view-me'])).rejects.toThrow()
  // A page of the same origin, since others do not show their cookies.
  await page.goto(new URL('/healthz', page.url()).href)
  await expect(noTrace(context, watch, ['/odata/v4/nycflights'])).rejects.toThrow()
  await noTrace(context, watch, ['/odata/v4/is-nowhere'])
})

browserTest(use, 'edit: nothing is kept unless a person says so', {}, async ({ page, context, watch, server }) => {
  watch.expectStatus(400, 401)
  await server.sapConnection('edit-me', inject('sap'))
  await visit(page, '#/connections')
  await act(page, 'edit-me', 'Edit')
  await seen(heading(page, 'Edit edit-me'))
  expect(await field(page, 'Connection name').getAttribute('readonly')).not.toBeNull()
  expect(await field(page, 'Application host URL').inputValue()).toBe('http://localhost')
  const choice = (label: string) => page.getByRole('radiogroup', { name: label, exact: true })
  await seen(choice('Password'))
  expect(await field(page, 'Password').inputValue()).toBe('')

  // Left empty and said nothing: the page asks, and sends nothing.
  await field(page, 'Logon language').fill('DE')
  await button(page, 'Save changes').click()
  await seen(page.getByText('A value is stored. Enter a new one, or say what becomes of the stored one.'))

  // Kept: user name and password both.
  await choice('User name').getByRole('radio', { name: 'Keep the stored value' }).check({ force: true })
  await choice('Password').getByRole('radio', { name: 'Keep the stored value' }).check({ force: true })
  await button(page, 'Save changes').click()
  await seen(page.getByText('The connection edit-me was saved.'))
  expect(await entities(server, 'edit-me')).toBeGreaterThan(3)
  await visit(page, '#/connections/view/edit-me')
  await expect.poll(() => shown(page, 'Logon language')).toBe('DE')

  // Another destination: what is stored cannot go there.
  await visit(page, '#/connections/edit/edit-me')
  await field(page, 'Application service path').fill('/odata/v2/nycflights')
  await seen(page.getByText(/You changed where the credentials are sent \(Application service path\)/))
  expect(await choice('Password').getByRole('radio', { name: 'Keep the stored value' }).isDisabled()).toBe(true)
  await field(page, 'User name').fill('bob')
  await field(page, 'Password').fill('not the password of bob')
  await button(page, 'Save changes').click()
  await seen(page.getByText(/401/))
  await field(page, 'Password').fill('pässwörd "quoted" %41+/=')
  await button(page, 'Save changes').click()
  await seen(page.getByText('The connection edit-me was saved.'))
  expect(await entities(server, 'edit-me')).toBeGreaterThan(3)
  await seen(heading(page, /^edit-me$/))
  await noTrace(context, watch, [SAP_PASSWORD, 'pässwörd "quoted" %41+/=', 'not the password of bob'])
})

browserTest(use, 'copy to new connection: what is not OAuth’s goes along where one says so', {}, async ({ page, context, watch, server }) => {
  await server.sapConnection('original', inject('sap'))
  await visit(page, '#/connections')
  await act(page, 'original', 'Copy to new connection')
  await seen(heading(page, 'Copy original to new connection'))
  expect(await field(page, 'Connection name').inputValue()).not.toBe('original')
  await field(page, 'Connection name').fill('copied')
  expect(await field(page, 'Port number').inputValue()).toBe(port())
  await button(page, 'Take all values from the original').click()
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection copied was created.'))
  expect(await entities(server, 'copied')).toBeGreaterThan(3)
  await noTrace(context, watch, [SAP_PASSWORD])
})

browserTest(use, 'test: logs in now, and says how it went', {}, async ({ page, server }) => {
  await server.sapConnection('test-me', inject('sap'))
  await visit(page, '#/connections')
  await act(page, 'test-me', 'Test')
  await seen(page.getByText('The login of test-me works'))
  await page.getByRole('link', { name: 'test-me', exact: true }).click()
  await button(page, 'Test').click()
  await seen(page.getByText('The login of test-me works'))
})

browserTest(use, 'delete: by a typed word, and with the flows that use it', {}, async ({ page, server }) => {
  await server.sapConnection('delete-me', inject('sap'))
  await server.sapFlow('uses-it', 'delete-me')
  await visit(page, '#/connections?connector=SAPOData')
  await seen(row(page, 'delete-me').getByText('1 flow'))
  await act(page, 'delete-me', 'Delete')
  const dialog = page.getByRole('dialog', { name: 'Delete connection' })
  await seen(dialog.getByText('One flow uses this connection'))
  await seen(dialog.getByRole('link', { name: 'uses-it' }))
  const confirm = button(dialog, 'Delete')
  await field(dialog, 'Confirmation').fill('Delet')
  expect(await confirm.isDisabled()).toBe(true)
  await field(dialog, 'Confirmation').fill('delete')
  expect(await confirm.isDisabled()).toBe(true)
  await dialog.getByLabel('Delete the connection although flows use it').check({ force: true })
  await confirm.click()
  await gone(dialog)
  await seen(page.getByText('The connection delete-me was deleted.'))
  await gone(page.getByRole('link', { name: 'delete-me', exact: true }))
  const { connectorProfileDetails } = await server.call<{ connectorProfileDetails: unknown[] }>('describe-connector-profiles', { connectorProfileNames: ['delete-me'] })
  expect(connectorProfileDetails).toEqual([])

  // Without flows the word is enough, from the details page.
  await server.sapConnection('delete-me-too', inject('sap'))
  await visit(page, '#/connections/view/delete-me-too')
  await deleteFromDetails(page, 'delete-me-too')
})

browserTest(use, 'asks before a half-filled form is left', {}, async ({ page }) => {
  await visit(page, '#/connections/create?connector=SAPOData')
  await field(page, 'Connection name').fill('half')
  await page.getByRole('navigation', { name: 'Breadcrumbs' }).getByRole('link', { name: 'Connections' }).click()
  const dialog = page.getByRole('dialog', { name: 'Leave this page' })
  await button(dialog, 'Stay').click()
  await gone(dialog)
  expect(await field(page, 'Connection name').inputValue()).toBe('half')
  await page.getByRole('link', { name: 'Cancel' }).or(button(page, 'Cancel')).first().click()
  await button(dialog, 'Leave').click()
  await seen(heading(page, CONNECTIONS))
})
