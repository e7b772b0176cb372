// Secrets that were typed are looked for everywhere a script or a person at the browser could find them.
import type { BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Watch } from './browser.ts'

/** How a secret could be written: as it is, escaped, in base64 or in hex. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')])]
}

/** Everything that scripts of the page can read: the document, form fields, storages, cookies, window names. */
async function readable(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const parts = [document.documentElement.outerHTML, document.cookie, window.name, location.href]
    for (const field of document.querySelectorAll('input, textarea, select')) {
      parts.push((field as HTMLInputElement).value)
    }
    for (const storage of [localStorage, sessionStorage]) parts.push(JSON.stringify({ ...storage }))
    parts.push(JSON.stringify(history.state))
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((done, failed) => {
        const opening = indexedDB.open(name!)
        opening.onsuccess = () => done(opening.result)
        opening.onerror = () => failed(opening.error)
      })
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll()
        await new Promise(done => (all.onsuccess = done))
        parts.push(JSON.stringify(all.result))
      }
      database.close()
    }
    for (const name of await (self.caches?.keys() ?? [])) {
      const cache = await caches.open(name)
      for (const request of await cache.keys()) parts.push(await (await cache.match(request))!.text())
    }
    return parts.join('\n')
  })
}

/**
 * Expects that no secret came back in an answer, and that none is left in a page once it has moved on. Each answer's
 * body was read, but those that a page left behind by moving on before they were whole.
 */
export async function noTrace(context: BrowserContext, watch: Watch, secrets: string[]): Promise<void> {
  const wanted = secrets.flatMap(forms)
  const found = (places: { what: string; text: string }[]) =>
    places.flatMap(({ what, text }) => wanted.filter(form => text.includes(form)).map(form => `${form} in ${what}`))
  await expect.poll(async () => {
    const pages = context.pages().map(async page => ({ what: `the page ${page.url()}`, text: await readable(page) }))
    return found(await Promise.all(pages))
  }, { timeout: 5000 }).toEqual([])
  await watch.settled()
  const answers = watch.bodies.map(({ what, text }) => ({ what: `the answer to ${what}`, text: what + text }))
  expect(answers.length).toBeGreaterThan(0)
  expect(watch.unread(), 'answers that were not searched').toEqual([])
  expect(found([...answers, { what: 'the console', text: watch.lines.join('\n') }])).toEqual([])
}
