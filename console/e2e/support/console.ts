// The console as a person uses it: by roles, labels and headings.
import type { Locator, Page } from 'playwright-core'
import { PASSWORD, USER } from './server.ts'

/** The main heading of a page. */
export const heading = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name })

/** The headings of the pages that the side navigation leads to. */
export const CONNECTIONS = /^Manage connections/
export const CONNECTORS = /^Connectors/
export const FLOWS = /^Flows/

/** A button by its whole name. */
export const button = (within: Page | Locator, name: string): Locator => within.getByRole('button', { name, exact: true })

/** Waits until a place is seen. */
export const seen = (locator: Locator): Promise<void> => locator.first().waitFor({ state: 'visible' })

/** Waits until a place is gone. */
export const gone = (locator: Locator): Promise<void> => locator.first().waitFor({ state: 'hidden' })

/** Goes to an address of the console, such as `#/connections`, as if it was typed. */
export async function visit(page: Page, hash: string): Promise<void> {
  await page.goto(`./${hash}`)
}

/** Fills the sign-in form and sends it. */
export async function signIn(page: Page, userName = USER, password = PASSWORD): Promise<void> {
  await page.getByLabel('User name').fill(userName)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await button(page, 'Sign in').click()
}

/** The sign-in page, ready. */
export const signInPage = (page: Page): Promise<void> => seen(heading(page, 'Sign in to Tidegate'))

/** Opens the menu behind the person's name, and chooses from it. */
export async function account(page: Page, choice: string, userName = USER): Promise<void> {
  await page.getByRole('button', { name: new RegExp(userName) }).first().click()
  await page.getByRole('menuitem', { name: choice }).or(page.getByRole('menuitemcheckbox', { name: choice })).first().click()
}

/** The row of a connection in the table. */
export const row = (page: Page, name: string): Locator => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) })

/** Selects a connection in the table and chooses from the Actions menu. */
export async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('radio', { name: `Select ${name}`, exact: true }).check({ force: true })
  await button(page, 'Actions').click()
  await page.getByRole('menuitem', { name: action, exact: true }).click()
}
