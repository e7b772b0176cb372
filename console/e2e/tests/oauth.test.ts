// The authorization code by pop-up, from the form to a live connection: npm oidc-provider hands out
// the code (PKCE required) and SAP's server asks it about every access token.
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer, type Stage } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { button, gone, heading, seen, visit } from '../support/console.ts'
import { field } from '../support/form.ts'

const CLIENT = 'sap-connection'
const SECRET = 'sap-client-secret-of-the-provider'

const use = useServer(() => ({ port: inject('consolePort') }))

/** The form for SAP OData by OAuth, filled but for the authorization. */
async function fill({ page, watch }: Stage, name: string): Promise<void> {
  watch.allow(inject('oidc'))
  await visit(page, '#/connections/create?connector=SAPOData')
  await field(page, 'Connection name').fill(name)
  await field(page, 'Application host URL').fill('http://localhost')
  await field(page, 'Application service path').fill('/odata/v4/nycflights')
  await field(page, 'Port number').fill(new URL(inject('sap')).port)
  await field(page, 'Client number').fill('100')
  await page.getByRole('radio', { name: 'OAuth 2.0' }).check({ force: true })
  await field(page, 'Token URL').fill(`${inject('oidc')}/token`)
  await field(page, 'Authorization code URL').fill(`${inject('oidc')}/auth`)
  await button(page.locator('[data-field="properties.oAuthProperties.oAuthScopes"]'), 'Add entry').click()
  await page.getByLabel('OAuth scopes 1').fill('ZFLIGHT_SRV_0001')
  await field(page, 'Client ID').fill(CLIENT)
  await field(page, 'Client secret').fill(SECRET)
}

/** Presses Authorize and gives the window that opens. */
async function authorize(page: Page): Promise<Page> {
  const [popup] = await Promise.all([page.waitForEvent('popup'), button(page, 'Authorize').or(button(page, 'Authorize again')).click()])
  return popup
}

/** Signs in at the provider. */
async function signInAt(popup: Page): Promise<void> {
  await seen(popup.getByRole('heading', { name: 'Sign in to the provider' }))
  await popup.getByLabel('User').fill('ada')
  await popup.getByLabel('Password').fill('ada signs in 1815')
  await button(popup, 'Continue').click()
}

async function entities({ server }: Stage, connectorProfileName: string): Promise<string[]> {
  const { connectorEntityMap } = await server.call<{ connectorEntityMap: Record<string, { name: string }[]> }>('list-connector-entities', { connectorProfileName, connectorType: 'SAPOData' })
  return Object.values(connectorEntityMap).flat().map(({ name }) => name)
}

browserTest(use, 'a window, consent, and a connection that lists entities; a copy starts without OAuth', {}, async stage => {
  const { page, context, watch, server } = stage
  await fill(stage, 'by-oauth')
  const popup = await authorize(page)
  await seen(page.getByText('Waiting for your consent in the other window'))
  await signInAt(popup)
  const closed = popup.waitForEvent('close')
  await button(popup, 'Allow').click()
  await closed
  await seen(page.getByText(/^Authorized/))
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection by-oauth was created.'))
  expect(await entities(stage, 'by-oauth')).toContain('Flights')
  const { set } = await server.extension<{ set: string[] }>('describe-connector-profile-credentials', { connectorProfileName: 'by-oauth' })
  expect(set).toContain('oAuthCredentials.refreshToken')
  await server.sapFlow('oauth-flow', 'by-oauth')
  expect(await server.runFlow('oauth-flow')).toMatchObject({ executionStatus: 'Successful' })

  // What belongs to OAuth is never copied: client id and secret are empty and required.
  await visit(page, '#/connections/copy/by-oauth')
  await field(page, 'Connection name').fill('copy-of-oauth')
  expect(await field(page, 'Token URL').inputValue()).toBe(`${inject('oidc')}/token`)
  expect(await field(page, 'Client ID').inputValue()).toBe('')
  expect(await field(page, 'Client secret').inputValue()).toBe('')
  expect(await page.getByRole('radio', { name: 'Take the original’s value' }).or(page.getByRole('radio', { name: "Take the original's value" })).count()).toBe(0)
  await button(page, 'Create connection').click()
  await seen(page.getByText('Client ID is required.'))
  await seen(page.getByText('Client secret is required.'))
  await field(page, 'Client ID').fill(CLIENT)
  await field(page, 'Client secret').fill(SECRET)
  // The provider knows the person by now, and asks nothing more.
  await authorize(page)
  await seen(page.getByText(/^Authorized/))
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection copy-of-oauth was created.'))
  expect(await entities(stage, 'copy-of-oauth')).toContain('Planes')
  await noTrace(context, watch, [SECRET])
})

browserTest(use, 'a window that is closed is no consent, and another try works', {}, async stage => {
  const { page, watch } = stage
  watch.expectStatus(400, 401)
  await fill(stage, 'closed')
  const popup = await authorize(page)
  await seen(popup.getByRole('heading', { name: 'Sign in to the provider' }))
  await popup.close()
  await seen(page.getByText('The window was closed before consent was given.', { exact: false }))
  await button(page, 'Create connection').click()
  await seen(page.getByText('Give your consent in the other window first', { exact: false }))
  await button(page, 'Cancel authorization').click()
  const again = await authorize(page)
  await signInAt(again)
  await button(again, 'Allow').click()
  await seen(page.getByText(/^Authorized/))
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection closed was created.'))
})

browserTest(use, 'denied consent is told in the provider’s words', {}, async stage => {
  const { page } = stage
  await fill(stage, 'denied')
  const popup = await authorize(page)
  await signInAt(popup)
  await button(popup, 'Deny').click()
  await seen(page.getByText('The authorization did not succeed'))
  await seen(page.getByText(/The person did not allow it/))
  await gone(page.getByText(/^Authorized/))
})

browserTest(use, 'an answer with another state changes nothing', {}, async stage => {
  const { page, watch, context } = stage
  watch.expectStatus(400, 403, 404)
  await fill(stage, 'mismatch')
  const popup = await authorize(page)
  await seen(popup.getByRole('heading', { name: 'Sign in to the provider' }))
  // Somebody's link, in the same browser: a code of theirs and a state of their own.
  const other = await context.newPage()
  await visit(other, 'oauth/callback?code=of-somebody-else&state=their-own-state')
  await seen(other.getByText(/authoriz/i))
  await seen(page.getByText('Waiting for your consent in the other window'))
  // The person goes on, and it is their code that counts.
  await signInAt(popup)
  await button(popup, 'Allow').click()
  await seen(page.getByText(/^Authorized/))
  await button(page, 'Create connection').click()
  await seen(page.getByText('The connection mismatch was created.'))
  expect(await entities(stage, 'mismatch')).toContain('Flights')
})

browserTest(use, 'other settings than those that were authorized ask for it again', {}, async stage => {
  const { page } = stage
  await fill(stage, 'changed')
  const popup = await authorize(page)
  await signInAt(popup)
  await button(popup, 'Allow').click()
  await seen(page.getByText(/^Authorized/))
  await field(page, 'Client ID').fill('another-client')
  await seen(page.getByText('The authorization was discarded, because the OAuth settings changed. Authorize again.'))
  await seen(heading(page, 'Create connection'))
})
