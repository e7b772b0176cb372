// Fills the form of a connection as a person reads it: by the labels that the connector's
// description gives its members. Nothing here knows a connector.
import type { Locator, Page } from 'playwright-core'
import { button, seen } from './console.ts'

/** What of a member's description the driver needs. */
interface Member {
  path: string
  label: string
  kind: 'text' | 'url' | 'integer' | 'boolean' | 'secret' | 'select' | 'list' | 'map' | 'arn'
  /** Whether it belongs to OAuth. */
  oauth: boolean
  oauthKeys: string[]
}

export interface Form {
  connectorName: string
  unionKey: string
  properties: Member[]
  credentials: Member[]
}

/** Properties and credentials, nested as on the wire. */
export interface Profile {
  properties?: Record<string, unknown>
  credentials?: Record<string, unknown>
}

/** The words on the tiles and in the drop-downs for values that are not said as they are. */
const WAYS: Record<string, string> = {
  BASIC: 'User name and password',
  OAUTH2: 'OAuth 2.0',
  APIKEY: 'API key',
  CUSTOM: 'Custom',
  AUTHORIZATION_CODE: 'Authorization code',
  CLIENT_CREDENTIALS: 'Client credentials',
  JWT_BEARER: 'JWT bearer token',
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The text field that a label names, whether or not it says that it is optional. */
export const field = (page: Page | Locator, label: string): Locator =>
  page.getByRole('textbox', { name: new RegExp(`^${escape(label)}( - optional)?$`) }).first()

/** What a description's path leads to. */
function read(document: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document)
}

/** Every member that the profile holds, the choices before what depends on them. */
function members(form: Form, profile: Profile): { at: string; member: Member; value: unknown }[] {
  const all = (['properties', 'credentials'] as const).flatMap(side =>
    form[side].flatMap(member => {
      const value = read(profile[side], member.path)
      return value === undefined ? [] : [{ at: `${side}.${member.path}`, member, value }]
    }),
  )
  const choices = all.filter(({ member }) => member.kind === 'select')
  return [...choices, ...all.filter(each => !choices.includes(each))]
}

/** Chooses a connector in a drop-down by typing a part of its name. */
export async function chooseConnector(page: Page, trigger: Locator, name: string): Promise<void> {
  await trigger.click()
  await page.getByLabel('Find a connector').fill(name)
  await page.getByRole('option', { name: new RegExp(`^${escape(name)}( |$)`) }).first().click()
}

/** Fills everything that the profile holds; the connector is chosen already. */
export async function fillForm(page: Page, form: Form, profile: Profile, name?: string): Promise<void> {
  if (name !== undefined) await field(page, 'Connection name').fill(name)
  const all = members(form, profile)
  if (all.some(({ at }) => /privateLink/i.test(at))) await page.getByRole('radio', { name: /^Private/ }).check({ force: true })
  for (const { at, member, value } of all) {
    const place = page.locator(`[data-field="${at}"]`)
    if (!(await reveal(page, place, member, value, all.map(each => each.at)))) continue
    await fill(page, place, member, value)
  }
}

/** Brings a member's place into view; false when a choice that was made says it all. */
async function reveal(page: Page, place: Locator, member: Member, value: unknown, paths: string[]): Promise<boolean> {
  if (await place.isVisible()) return true
  const ways = page.getByRole('radiogroup', { name: 'How to log in' }).getByRole('radio')
  if (member.kind === 'select') {
    const tile = page.getByRole('radio', { name: WAYS[String(value)] ?? String(value), exact: true })
    if (await tile.count()) await tile.first().check({ force: true })
    // Where a connector has only one way to log in, the form says it by itself.
    if ((await tile.count()) || !(await ways.count())) return false
  }
  for (const fold of ['Optional settings', 'Tokens and codes from elsewhere']) {
    const header = page.getByRole('button', { name: fold })
    if ((await header.count()) && (await header.first().getAttribute('aria-expanded')) === 'false') await header.first().click()
    if (await place.isVisible()) return true
  }
  for (let number = 0; number < (await ways.count()); number++) {
    await ways.nth(number).check({ force: true })
    if (await place.isVisible()) return true
    const header = page.getByRole('button', { name: 'Tokens and codes from elsewhere' })
    if ((await header.count()) && (await header.first().getAttribute('aria-expanded')) === 'false') await header.first().click()
    if (await place.isVisible()) return true
  }
  throw new Error(`the form has no place for ${member.label} beside ${paths.join(', ')}`)
}

async function fill(page: Page, place: Locator, member: Member, value: unknown): Promise<void> {
  switch (member.kind) {
    case 'boolean':
      await place.getByRole('switch').or(place.getByRole('checkbox')).first().setChecked(value === true, { force: true })
      return
    case 'select':
      await place.getByRole('button').first().click()
      await page.getByRole('option', { name: new RegExp(`^(Selected )?${escape(WAYS[String(value)] ?? String(value))}`) }).first().click()
      return
    case 'list':
      for (const [index, item] of (value as string[]).entries()) {
        await button(place, 'Add entry').click()
        await place.getByLabel(`${member.label} ${index + 1}`, { exact: true }).fill(item)
      }
      return
    case 'map':
      for (const [key, item] of Object.entries(value as Record<string, string>)) {
        // Keys that the connector is known to take have a line already.
        const line = place.getByRole('group', { name: `Key ${key}`, exact: true })
        if (await line.count()) {
          await line.getByRole('textbox').last().fill(item)
          continue
        }
        await button(place, 'Add entry').click()
        await place.getByRole('textbox').nth(-2).fill(key)
        await place.getByRole('textbox').nth(-1).fill(item)
      }
      return
    default:
      await field(place, member.label).or(place.getByRole('combobox')).first().fill(String(value))
      // A list of suggestions would lie over what follows.
      if (await place.getByRole('combobox').count()) await page.keyboard.press('Tab')
  }
}

/** What the details page says of a setting. */
export async function shown(page: Page, label: string): Promise<string> {
  const term = page.getByRole('term').filter({ hasText: new RegExp(`^${escape(label)}$`) }).or(page.locator('dt', { hasText: new RegExp(`^${escape(label)}$`) }))
  await seen(term)
  return ((await term.first().locator('xpath=following-sibling::dd[1]').textContent()) ?? '').trim()
}

/** Deletes the connection whose details page is open, as the page asks for it. */
export async function deleteFromDetails(page: Page, name: string): Promise<void> {
  await button(page, 'Delete').click()
  const dialog = page.getByRole('dialog', { name: 'Delete connection' })
  await field(dialog, 'Confirmation').fill('delete')
  await button(dialog, 'Delete').click()
  await seen(page.getByText(`The connection ${name} was deleted.`))
}
