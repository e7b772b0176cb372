// A person without a mouse: every key goes to whatever has the focus.
import type { Locator, Page } from 'playwright-core'

const focused = (target: Locator): Promise<boolean> =>
  target.evaluate(element => element === document.activeElement).catch(() => false)

/** Presses Tab until the target has the focus; fails when it cannot be reached in so many steps. */
export async function tabTo(target: Locator, most = 60, key = 'Tab'): Promise<void> {
  await target.first().waitFor({ state: 'visible' })
  const page = target.page()
  const passed: string[] = []
  for (let step = 0; step <= most; step++) {
    if (await focused(target.first())) return
    await page.keyboard.press(key)
    passed.push(await page.evaluate(() => {
      const { activeElement: element } = document
      return `${element?.tagName.toLowerCase()} ${element?.getAttribute('aria-label') ?? element?.textContent?.slice(0, 30) ?? ''}`
    }))
  }
  throw new Error(`${target} was not reached by ${key}; the focus went over:\n  ${passed.join('\n  ')}`)
}

/** Goes to the target by Tab and presses a key on it. */
export async function press(target: Locator, key = 'Enter', most?: number): Promise<void> {
  await tabTo(target, most)
  await target.page().keyboard.press(key)
}

/** Goes to a field by Tab and types into it, in place of what was there. */
export async function type(target: Locator, text: string): Promise<void> {
  await tabTo(target)
  await target.page().keyboard.press('Control+A')
  await target.page().keyboard.type(text)
}

/** Moves in an open list by arrow keys until an option is highlighted, and takes it. */
export async function pick(page: Page, trigger: Locator, option: RegExp): Promise<void> {
  await press(trigger, 'Enter')
  for (let step = 0; step < 60; step++) {
    const highlighted = await page.evaluate(() => {
      const id = document.activeElement?.getAttribute('aria-activedescendant')
      const element = id ? document.getElementById(id) : document.activeElement
      return element?.textContent ?? ''
    })
    if (option.test(highlighted)) {
      await page.keyboard.press('Enter')
      return
    }
    await page.keyboard.press('ArrowDown')
  }
  throw new Error(`no option ${option}`)
}
