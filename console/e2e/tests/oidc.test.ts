// Signing in with an identity provider: npm oidc-provider, on another site than the console.
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { account, button, gone, heading, seen, signInPage, visit } from '../support/console.ts'

const SECRET = 'console-client-secret-of-the-provider'

const use = useServer(() => ({
  port: inject('consolePort'),
  options: ['--oidc-issuer', inject('oidc'), '--oidc-client-id', 'tidegate-console', '--oidc-name', 'Example ID', '--oidc-allow', '*@example.com'],
  env: { TIDEGATE_OIDC_CLIENT_SECRET: SECRET },
}))

const start = (page: Page) => page.getByRole('link', { name: 'Sign in with Example ID' }).or(page.getByRole('button', { name: 'Sign in with Example ID' }))

/** Says who one is to the provider. */
async function provider(page: Page, user: string, password: string): Promise<void> {
  await seen(page.getByRole('heading', { name: 'Sign in to the provider' }))
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill(password)
  await button(page, 'Continue').click()
}

browserTest(use, 'signs in with the provider, and out', { signedOut: true }, async ({ page, context, watch }) => {
  watch.allow(inject('oidc'))
  await visit(page, '')
  await signInPage(page)
  await start(page).click()
  await provider(page, 'ada', 'ada signs in 1815')
  await button(page, 'Allow').click()
  await seen(page.getByRole('navigation', { name: 'Side navigation' }))
  expect(page.url()).not.toContain('code=')
  const cookies = (await context.cookies()).filter(({ domain }) => domain === '127.0.0.1')
  expect(cookies.map(({ name }) => name)).toEqual(['__Host-tidegate'])
  await noTrace(context, watch, [SECRET, 'ada signs in 1815'])
  await account(page, 'Sign out', 'ada')
  await signInPage(page)
})

browserTest(use, 'says so when the person does not allow it', { signedOut: true }, async ({ page, watch }) => {
  watch.allow(inject('oidc'))
  await visit(page, '')
  await start(page).click()
  await seen(page.getByRole('heading', { name: 'Sign in to the provider' }))
  await button(page, 'Cancel').click()
  await signInPage(page)
  await seen(page.getByText('You were not signed in'))
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
})

browserTest(use, 'refuses a person whose e-mail address nobody has verified', { signedOut: true }, async ({ page, context, watch }) => {
  watch.allow(inject('oidc'))
  await visit(page, '')
  await start(page).click()
  await provider(page, 'carol', 'carol signs in 1984')
  await button(page, 'Allow').click()
  await signInPage(page)
  await seen(page.getByText('You were not signed in'))
  expect((await context.cookies()).map(({ name }) => name)).not.toContain('__Host-tidegate')
})

browserTest(use, 'refuses an answer that this browser did not ask for', { signedOut: true }, async ({ page }) => {
  await visit(page, 'session/oidc/callback?code=stolen&state=of-another-browser')
  await signInPage(page)
  await seen(page.getByText('You were not signed in'))
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
  await seen(heading(page, 'Sign in to Tidegate'))
})
