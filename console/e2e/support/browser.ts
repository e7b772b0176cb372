// Debian's Chromium, and the watch over every page: a test fails on what a person would call broken
// even when it looked elsewhere.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page, type Request } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ARTIFACTS, CHROMIUM } from './paths.ts'
import { Server, type Settings } from './server.ts'

/** How long an action or an expectation may take. */
export const PATIENCE = 15_000

/** The flags that a headless Chromium needs as root, and those that keep it off the network. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  // Names that are not ours do not resolve, so that nothing can leave this machine.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

/** Starts a browser; Playwright gives it a new user data folder of its own. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS, timeout: 30_000 })
}

/** The page that asked, unless it was a service worker or a page that is not there yet. */
function pageOf(request: Request): Page | undefined {
  try {
    return request.frame().page()
  } catch {
    return undefined
  }
}

/** What a context has seen so far, and what of it a test expects. */
export class Watch {
  readonly problems: string[] = []
  /** Every console line and every request, for the artifacts of a failure. */
  readonly lines: string[] = []
  /** Bodies of the answers, by method and address. */
  readonly bodies: { what: string; text: string }[] = []
  private readonly reading = new Set<Promise<void>>()
  /** Answers without a body to read, the page that asked, and how often that page had moved on by then. */
  private readonly bodiless: { what: string; page: Page; moves: number }[] = []
  private readonly moves = new WeakMap<Page, number>()
  private expected: RegExp[] = []
  private readonly origins: Set<string>

  constructor(
    private readonly context: BrowserContext,
    base: string,
  ) {
    this.origins = new Set([new URL(base).origin])
  }

  /** Console errors and the like that the test provokes on purpose. */
  expect(...patterns: RegExp[]): void {
    this.expected.push(...patterns)
  }

  /** The browser writes a line for each answer of these statuses; they are on purpose here. */
  expectStatus(...statuses: number[]): void {
    this.expect(...statuses.map(status => new RegExp(`responded with a status of ${status}`)))
  }

  /** Another origin that pages may visit, as the identity provider. */
  allow(address: string): void {
    this.origins.add(new URL(address).origin)
  }

  async begin(): Promise<void> {
    await this.context.exposeBinding('__violated', (_source, text: string) => void this.problems.push(`content security policy: ${text}`))
    await this.context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', event => {
        const tell = (window as unknown as { __violated?: (text: string) => void }).__violated
        tell?.(`${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber} on ${location.href}`)
      })
    })
    this.context.on('weberror', error => this.problems.push(`uncaught: ${error.error().stack ?? error.error()}`))
    this.context.on('console', message => {
      const text = `${message.type()}: ${message.text()} (${message.location().url})`
      this.lines.push(text)
      // Pages of other origins are not ours to judge.
      const page = message.page()
      const ours = !page || page.isClosed() || page.url().startsWith([...this.origins][0]!)
      if (message.type() === 'error' && ours && !text.includes('/favicon.ico')) this.problems.push(text)
    })
    this.context.on('request', request => {
      const url = new URL(request.url())
      this.lines.push(`${request.method()} ${request.url()}`)
      if (/^https?:|^wss?:/.test(url.protocol) && !this.origins.has(url.origin)) {
        this.problems.push(`a request to another host: ${request.method()} ${request.url()}`)
      }
    })
    this.context.on('page', page => {
      page.on('framenavigated', () => void this.moves.set(page, this.movesOf(page) + 1))
    })
    this.context.on('response', response => {
      const url = new URL(response.url())
      this.lines.push(`${response.status()} ${response.url()}`)
      if (url.pathname.includes('/assets/') || url.protocol === 'data:') return
      const request = response.request()
      const what = `${request.method()} ${response.url()} ${JSON.stringify(response.headers())}`
      const page = pageOf(request)
      const moves = page ? this.movesOf(page) : 0
      const read = response
        .text()
        .then(text => void this.bodies.push({ what, text }))
        .catch(() => {
          this.bodies.push({ what, text: '' })
          // A redirect has no body, a request that was given up has none, nor has one that no page of ours made.
          const redirects = response.status() >= 300 && response.status() < 400
          if (page && !redirects && !request.failure()) this.bodiless.push({ what, page, moves })
        })
        .finally(() => void this.reading.delete(read))
      this.reading.add(read)
    })
  }

  /** Waits for bodies that are still being read. */
  async settled(): Promise<void> {
    await Promise.all(this.reading)
  }

  /**
   * Answers whose body nobody has read, and that the browser had no reason to let go of: their page is open, and still
   * where it was when they came. What a page got and then left behind is not among them.
   */
  unread(): string[] {
    return this.bodiless.filter(({ page, moves }) => !page.isClosed() && this.movesOf(page) === moves).map(({ what }) => what)
  }

  private movesOf(page: Page): number {
    return this.moves.get(page) ?? 0
  }

  /** Fails on everything that was not expected. */
  check(): void {
    const unexpected = this.problems.filter(problem => !this.expected.some(pattern => pattern.test(problem)))
    expect(unexpected, 'what the browser complained of').toEqual([])
  }
}

/** What a test is given. */
export interface Stage {
  page: Page
  context: BrowserContext
  watch: Watch
  server: Server
}

/** How a test's page begins. */
export interface Begin {
  /** Without a session: the page shows the sign-in. */
  signedOut?: boolean
  dark?: boolean
  viewport?: { width: number; height: number }
  seconds?: number
}

let browser: Browser | undefined

/** A server and a browser for the tests of a file. */
export function useServer(settings: Settings | (() => Settings) = {}, seed?: (server: Server) => Promise<void>): { server(): Server; browser(): Browser } {
  let server: Server | undefined
  beforeAll(async () => {
    server = await Server.start(typeof settings === 'function' ? settings() : settings)
    await seed?.(server)
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })
  return { server: () => server!, browser: () => browser! }
}

/** A new context, as a browser that was never here. */
export async function newContext(from: Browser, server: Server, begin: Begin = {}): Promise<{ context: BrowserContext; watch: Watch }> {
  const context = await from.newContext({
    baseURL: server.base,
    viewport: begin.viewport ?? { width: 1440, height: 900 },
    colorScheme: begin.dark ? 'dark' : 'light',
    locale: 'en-US',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(PATIENCE)
  const watch = new Watch(context, server.base)
  await watch.begin()
  if (!begin.signedOut) {
    const { name, value } = await server.session()
    await context.addCookies([{ name, value, domain: '127.0.0.1', path: '/', httpOnly: true, secure: true, sameSite: 'Strict' }])
  }
  return { context, watch }
}

/** A test with a page of its own, watched from its first to its last moment. */
export function browserTest(use: { server(): Server; browser(): Browser }, name: string, begin: Begin, body: (stage: Stage) => Promise<void>): void {
  test(name, async () => {
    const server = use.server()
    const { context, watch } = await newContext(use.browser(), server, begin)
    const page = await context.newPage()
    try {
      await body({ page, context, watch, server })
      await watch.settled()
      watch.check()
    } catch (error) {
      await keep(name, context, watch, server)
      throw error
    } finally {
      await context.close()
    }
  }, (begin.seconds ?? 60) * 1000)
}

/** Leaves a picture of each page, what the browser said, and the server's log. */
async function keep(name: string, context: BrowserContext, watch: Watch, server: Server): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true })
  const stem = path.join(ARTIFACTS, name.replace(/[^\w]+/g, '-').slice(0, 100))
  const text = [...context.pages().map(page => `page ${page.url()}`), '', ...watch.problems, '', ...watch.lines, '', server.log.slice(-20_000)]
  writeFileSync(`${stem}.txt`, text.join('\n'))
  for (const [number, page] of context.pages().entries()) {
    await page.screenshot({ path: `${stem}-${number}.png`, timeout: 5000 }).catch(() => {})
    const tree = await page.locator('body').ariaSnapshot({ timeout: 5000 }).catch(() => '')
    writeFileSync(`${stem}-${number}.yaml`, tree)
  }
}

/** A temporary folder that is removed after the file. */
export function temporary(): () => string {
  let folder = ''
  beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), 'tidegate-e2e-'))))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return () => folder
}
