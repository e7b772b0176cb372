// Every connector type that takes connections, through the form that its description draws:
// created, viewed, copied, edited and deleted. SAP OData has tests of its own with a real login.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { browserTest, useServer } from '../support/browser.ts'
import { noTrace } from '../support/canary.ts'
import { button, heading, seen, visit } from '../support/console.ts'
import { chooseConnector, deleteFromDetails, field, fillForm, shown, type Form, type Profile } from '../support/form.ts'
import { ROOT } from '../support/paths.ts'
import type { Server } from '../support/server.ts'

interface Entry extends Profile {
  label?: string
  also?: Entry[]
}

const PROFILES = parse(readFileSync(path.join(ROOT, 'conformance/data/profiles.yaml'), 'utf8')) as Record<string, Entry>

const use = useServer({ options: ['--connection-check', 'off'] })

test('the file has every type that takes connections', () => {
  expect(Object.keys(PROFILES)).toHaveLength(19)
})

/** Every text in a document. */
const texts = (document: unknown): string[] =>
  document !== null && typeof document === 'object' ? Object.values(document).flatMap(texts) : [String(document)]

/** Secrets that nobody could guess, in place of the file's, where nothing but a pattern asks for a certain one. */
function planted(document: unknown, form: Form, base = ''): { document: unknown; secrets: string[] } {
  const secrets: string[] = []
  const walk = (value: unknown, at: string): unknown => {
    if (value !== null && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner, at ? `${at}.${name}` : name)]))
    }
    const member = form.credentials.find(each => each.path === at || at.startsWith(`${each.path}.`))
    const isSecret = member?.kind === 'secret' || member?.kind === 'map'
    if (!isSecret || /jwt/i.test(at)) return value
    const canary = `canary-${at.replace(/\W/g, '-')}-${secrets.length}-zQ7`
    secrets.push(canary)
    return canary
  }
  return { document: walk(document, base), secrets }
}

/** What of the credentials a copy must be given anew: all that belongs to OAuth. */
function oauthOnly(document: unknown, form: Form): Record<string, unknown> {
  const walk = (value: unknown, at: string): unknown => {
    const member = form.credentials.find(({ path }) => path === at)
    if (member?.oauth) return value
    if (value === null || typeof value !== 'object') return undefined
    const inner = Object.entries(value).flatMap(([name, each]) => {
      const given = member?.oauthKeys.includes(name) ? each : walk(each, at ? `${at}.${name}` : name)
      return given === undefined ? [] : [[name, given] as const]
    })
    return inner.length === 0 ? undefined : Object.fromEntries(inner)
  }
  return (walk(document, '') ?? {}) as Record<string, unknown>
}

/** What the server has of a connection: all of it but the secrets, and which of those are set. */
async function stored(server: Server, name: string): Promise<{ mode: string; properties: unknown; set: string[] }> {
  const { connectorProfileDetails: [profile] } = await server.call<{ connectorProfileDetails: { connectionMode: string; connectorProfileProperties: unknown }[] }>('describe-connector-profiles', { connectorProfileNames: [name] })
  const { set } = await server.extension<{ set: string[] }>('describe-connector-profile-credentials', { connectorProfileName: name })
  return { mode: profile!.connectionMode, properties: profile!.connectorProfileProperties, set: set.toSorted() }
}

for (const [type, entry] of Object.entries(PROFILES)) {
  for (const [number, variant] of [entry, ...(entry.also ?? [])].entries()) {
    browserTest(use, `${type} ${number}: create, view, copy, edit, delete`, {}, async ({ page, context, watch, server }) => {
      const name = `${type}-${number}`
      const label = variant.label
      const form = await server.extension<Form>('describe-connector-form', { connectorType: type, ...(label && { connectorLabel: label }) })
      const { document, secrets } = planted(variant.credentials, form)
      await visit(page, '#/connections')
      await button(page, 'Create connection').first().click()
      await seen(heading(page, 'Create connection'))
      await chooseConnector(page, page.getByRole('button', { name: /^Connector/ }), form.connectorName)
      await seen(page.getByRole('heading', { name: 'Connection details' }))
      await fillForm(page, form, { properties: variant.properties ?? {}, credentials: document as Record<string, unknown> }, name)
      await button(page, 'Create connection').click()
      await seen(page.getByText(`The connection ${name} was created.`))

      // The list has it; its name leads to the details.
      await visit(page, `#/connections?connector=${type}`)
      await page.getByRole('link', { name, exact: true }).click()
      await seen(heading(page, name))
      for (const member of form.properties) {
        const value = member.path.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], variant.properties)
        if (value === undefined) continue
        const said = await shown(page, member.label)
        // A switch that is off is left out of what is sent.
        if (value === false) expect(['No', '-']).toContain(said)
        else for (const text of value === true ? ['Yes'] : texts(value)) expect(said, member.label).toContain(text)
      }

      const original = await stored(server, name)
      expect(original.mode).toBe(/privateLink/i.test(JSON.stringify(variant.properties ?? {})) ? 'Private' : 'Public')

      // Copied: what belongs to OAuth is empty and typed again, the rest is taken where one says so.
      const anew = oauthOnly(document, form)
      await button(page, 'Copy to new connection').click()
      await seen(heading(page, `Copy ${name} to new connection`))
      await seen(button(page, 'Create connection'))
      for (const member of form.credentials.filter(({ oauth, kind }) => oauth && kind !== 'select')) {
        const place = page.locator(`[data-field="credentials.${member.path}"]`)
        for (const box of await place.getByRole('textbox').all()) expect(await box.inputValue(), member.label).toBe('')
        expect(await place.getByRole('radiogroup').count(), member.label).toBe(0)
      }
      const take = button(page, 'Take all values from the original')
      if (await take.count()) await take.click()
      await fillForm(page, form, { credentials: anew }, `copy-of-${name}`)
      await button(page, 'Create connection').click()
      await seen(page.getByText(`The connection copy-of-${name} was created.`))
      expect(await stored(server, `copy-of-${name}`)).toEqual(original)
      await visit(page, `#/connections/view/${encodeURIComponent(name)}`)
      await seen(heading(page, name))

      // Edited with what is stored.
      await button(page, 'Edit').click()
      await seen(heading(page, `Edit ${name}`))
      const keep = button(page, 'Keep all stored values')
      await seen(button(page, 'Save changes'))
      if (secrets.length > 0) await seen(keep)
      if (await keep.count()) await keep.click()
      if (JSON.stringify(variant.credentials ?? {}).includes('oAuthRequest')) {
        // A code is good for one use: it is not kept, and tokens take its place.
        await field(page, 'Access token').fill('canary-access-token-instead')
        await field(page, 'Refresh token').fill('canary-refresh-token-instead')
        secrets.push('canary-access-token-instead', 'canary-refresh-token-instead')
      }
      await button(page, 'Save changes').click()
      await seen(page.getByText(`The connection ${name} was saved.`))
      const edited = await stored(server, name)
      expect({ ...edited, set: [] }).toEqual({ ...original, set: [] })
      if (!JSON.stringify(variant.credentials ?? {}).includes('oAuthRequest')) expect(edited.set).toEqual(original.set)

      await visit(page, `#/connections/view/${encodeURIComponent(name)}`)
      await seen(heading(page, name))
      await deleteFromDetails(page, name)
      await noTrace(context, watch, secrets)
    })
  }
}
