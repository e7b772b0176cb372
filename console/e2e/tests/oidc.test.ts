// Signing in with an identity provider: npm oidc-provider, on another site than the console.
import { expect, inject } from 'vitest'
import type { Page } from 'playwright-core'
import { browserTest, useServer } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { account, button, gone, heading, seen, signInPage, visit } from '../support/console.ts'

const SECRET = 'console-client-secret-of-the-provider'

const use = useServer(() => ['--oidc-issuer', inject('oidc'), '--oidc-client-id', 'tidegate-console'], undefined, () => inject('consolePort'))

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
  await page.getByRole('link', { name: /^Sign in with/ }).or(page.getByRole('button', { name: /^Sign in with/ })).click()
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
  await page.getByRole('link', { name: /^Sign in with/ }).or(page.getByRole('button', { name: /^Sign in with/ })).click()
  await seen(page.getByRole('heading', { name: 'Sign in to the provider' }))
  await button(page, 'Cancel').click()
  await signInPage(page)
  await seen(page.getByText(/did not allow|denied|not signed in/i))
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
})

browserTest(use, 'refuses an answer that this browser did not ask for', { signedOut: true }, async ({ page }) => {
  await visit(page, 'session/oidc/callback?code=stolen&state=of-another-browser')
  await signInPage(page)
  await seen(page.getByRole('alert').or(page.getByText(/sign/i)).first())
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
  await seen(heading(page, 'Sign in to Tidegate'))
})
