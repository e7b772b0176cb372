// Signing in and out, as a person, and what becomes of a session.
import { expect } from 'vitest'
import { browserTest, newContext, useServer } from '../support/browser.ts'
import { CONNECTIONS, CONNECTORS, FLOWS, account, button, gone, heading, seen, signIn, signInPage, visit } from '../support/console.ts'
import { noTrace } from '../support/canary.ts'
import { PASSWORD, Server, USER } from '../support/server.ts'

const use = useServer()

browserTest(use, 'signs in at a deep link and arrives there', { signedOut: true }, async ({ page, context, watch }) => {
  await visit(page, '#/connectors')
  await signInPage(page)
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
  await signIn(page)
  await seen(heading(page, CONNECTORS))
  expect(new URL(page.url()).hash).toBe('#/connectors')
  await seen(page.getByRole('button', { name: new RegExp(USER) }))
  const cookies = await context.cookies()
  expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual([
    { name: '__Host-tidegate', httpOnly: true, secure: true, sameSite: 'Strict' },
  ])
  await noTrace(context, watch, [PASSWORD, cookies[0]!.value])
  // Another tab of the same browser is signed in, and a reload stays where it is.
  const other = await context.newPage()
  await visit(other, '#/flows')
  await seen(heading(other, FLOWS))
  await page.reload()
  await seen(heading(page, CONNECTORS))
})

browserTest(use, 'says that the user name or password is wrong, and nothing more', { signedOut: true }, async ({ page, watch }) => {
  watch.expectStatus(401)
  await visit(page, '')
  await signInPage(page)
  await button(page, 'Sign in').click()
  await seen(page.getByText('Enter a user name.'))
  await seen(page.getByText('Enter a password.'))
  await signIn(page, USER, 'a wrong password')
  const wrong = page.getByText('user name or password is wrong')
  await seen(wrong)
  const said = await wrong.textContent()
  await signIn(page, 'nobody', 'a wrong password')
  await page.waitForResponse(response => response.url().endsWith('session/sign-in'))
  await seen(wrong)
  expect(await wrong.textContent()).toBe(said)
  await signIn(page)
  await gone(heading(page, 'Sign in to Tidegate'))
})

browserTest(use, 'locks out after too many attempts, and counts down', { signedOut: true }, async ({ page, watch, server }) => {
  watch.expectStatus(401, 429)
  await server.extension('create-user', { userName: 'mallory', password: 'the password that is looked for' })
  await visit(page, '')
  await signInPage(page)
  const locked = page.getByText(/Too many attempts to sign in\. Try again in \d+ seconds?\./)
  for (let attempt = 0; attempt < 20 && !(await locked.isVisible()); attempt++) {
    const answered = page.waitForResponse(response => response.url().endsWith('session/sign-in'))
    await signIn(page, 'mallory', `guess ${attempt}`)
    await (await answered).finished()
    await page.waitForTimeout(30)
  }
  await seen(locked)
  const seconds = async () => Number(/in (\d+) second/.exec((await locked.textContent()) ?? '')?.[1])
  const first = await seconds()
  await expect.poll(seconds, { timeout: 5000 }).toBeLessThan(first)
  // While the time runs the button does nothing; the right password would not help either.
  const submit = page.getByRole('button', { name: 'Sign in', exact: true })
  expect((await submit.isDisabled()) || (await submit.getAttribute('aria-disabled')) === 'true').toBe(true)
})

browserTest(use, 'signs out: the way back shows nothing, and the cookie is worth nothing', {}, async ({ page, context, watch, server }) => {
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  await visit(page, '#/flows')
  await seen(heading(page, FLOWS))
  const [cookie] = await context.cookies()
  await account(page, 'Sign out')
  await signInPage(page)
  await seen(page.getByText('You have signed out.'))
  expect(await context.cookies()).toEqual([])
  await page.goBack()
  await signInPage(page)
  await gone(page.getByRole('navigation', { name: 'Side navigation' }))
  await page.reload()
  await signInPage(page)
  const answer = await fetch(new URL('session/keys', server.base), {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: new URL(server.base).origin, cookie: `${cookie!.name}=${cookie!.value}` },
    body: '{}',
  })
  expect(answer.status).toBe(401)
  await watch.settled()
})

browserTest(use, 'signs out in one tab and thereby in the others', {}, async ({ page, context }) => {
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  const other = await context.newPage()
  await visit(other, '#/flows')
  await seen(heading(other, FLOWS))
  await account(page, 'Sign out')
  await signInPage(other)
  await seen(other.getByText('You signed out in another tab.'))
})

browserTest(use, 'renews its keys through the cookie before they end', {}, async ({ page }) => {
  await page.clock.install()
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  const renewed = page.waitForRequest(request => request.url().endsWith('session/keys'))
  await page.clock.fastForward('14:30')
  await page.mouse.move(100, 100)
  await page.clock.runFor(3000)
  await renewed
  await page.getByRole('link', { name: 'Flows', exact: true }).first().click()
  await seen(heading(page, FLOWS))
})

browserTest(use, 'works on a computer whose clock is wrong', {}, async ({ page, watch }) => {
  // A first request may be refused and is then sent again by the server's clock.
  await page.clock.install({ time: Date.now() - 5 * 3600_000 })
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  await page.getByRole('link', { name: 'Flows', exact: true }).first().click()
  await seen(heading(page, FLOWS))
  await watch.settled()
})

browserTest(use, 'asks a person who has left, and signs them out', {}, async ({ page, context }) => {
  await page.clock.install()
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  const dialog = page.getByRole('dialog', { name: 'Are you still there?' })
  // A mouse that moves is a person, so a real click might find the button gone; that of a screen reader moves none.
  for (const answer of [() => button(dialog, 'Stay signed in').dispatchEvent('click'), () => page.mouse.move(200, 200)]) {
    await page.clock.fastForward('29:10')
    await page.clock.runFor(2000)
    await seen(dialog)
    await answer()
    await gone(dialog)
  }
  await page.clock.fastForward('30:10')
  await page.clock.runFor(2000)
  await signInPage(page)
  await seen(page.getByText('You were signed out because there was no activity for 30 minutes.'))
  await expect.poll(() => context.cookies()).toEqual([])
})

browserTest(use, 'changes the password, which ends the other sessions', {}, async ({ page, server, watch, context }) => {
  const [old, next] = ['the first password', 'the second password']
  await server.extension('create-user', { userName: 'lin', password: old })
  const session = await server.session('lin', old)
  await context.addCookies([{ ...session, domain: '127.0.0.1', path: '/', httpOnly: true, secure: true, sameSite: 'Strict' }])
  const elsewhere = await newContext(use.browser(), server, { signedOut: true })
  try {
    const away = await elsewhere.context.newPage()
    await visit(away, '')
    await signIn(away, 'lin', old)
    await gone(heading(away, 'Sign in to Tidegate'))
    await visit(page, '#/connections')
    await account(page, 'Change password', 'lin')
    const dialog = page.getByRole('dialog', { name: 'Change password' })
    const fill = async (current: string, one: string, two: string) => {
      await dialog.getByLabel('Current password').fill(current)
      await dialog.getByLabel('New password', { exact: true }).fill(one)
      await dialog.getByLabel('Repeat new password').fill(two)
      await button(dialog, 'Change password').click()
    }
    await fill(old, next, 'something else')
    await seen(dialog.getByText('The two passwords are not the same.'))
    watch.expectStatus(400, 401, 403)
    await fill('not the password', next, next)
    await seen(dialog.getByText(/wrong/i))
    await fill(old, next, next)
    await gone(dialog)
    await seen(page.getByText('Password changed.'))
    await page.getByRole('link', { name: 'Flows', exact: true }).first().click()
    await seen(heading(page, FLOWS))
    elsewhere.watch.expectStatus(401, 403)
    await away.reload()
    await signInPage(away)
    elsewhere.watch.check()
    await noTrace(context, watch, [old, next])
  } finally {
    await elsewhere.context.close()
  }
})

browserTest(use, 'comes back after a restart of the server', {}, async ({ page, server }) => {
  await visit(page, '#/connections')
  await seen(heading(page, CONNECTIONS))
  await page.waitForLoadState('networkidle')
  await server.restart()
  await page.getByRole('link', { name: 'Flows', exact: true }).first().click()
  await seen(heading(page, FLOWS))
})

browserTest(use, 'teaches how to create the first user where there is none', { signedOut: true }, async ({ page, watch }) => {
  const empty = await Server.start({ withUser: false })
  try {
    watch.allow(empty.base)
    await page.goto(empty.base)
    await seen(page.getByText('There is no user yet'))
    await seen(page.getByText(/tidegate user create/))
    await empty.extension('create-user', { userName: USER, password: PASSWORD })
    await button(page, 'I created a user').click()
    await signIn(page)
    await gone(heading(page, 'Sign in to Tidegate'))
  } finally {
    await empty.stop()
  }
})
