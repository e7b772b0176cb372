// Flows: the table, running one, and reading how its runs went.
import { expect, inject } from 'vitest'
import { browserTest, useServer } from '../support/browser.ts'
import { button, FLOWS, gone, heading, seen, visit } from '../support/console.ts'
import { SAP_USER, sapProperties } from '../support/server.ts'

// Off, so that a connection can be made that the application will refuse.
const use = useServer({ options: ['--connection-check', 'off'] }, async server => {
  await server.sapConnection('erp', inject('sap'))
  await server.sapFlow('airlines', 'erp')
  await server.sapFlow('flights', 'erp', 'Flights', ['ID', 'carrier', 'flight', 'origin', 'dest'])
})

browserTest(use, 'runs a flow and reads its history', {}, async ({ page, server }) => {
  await visit(page, '#/flows')
  await seen(heading(page, FLOWS))
  await page.getByRole('link', { name: 'flights', exact: true }).click()
  await seen(heading(page, 'flights'))
  await page.getByRole('tab', { name: 'Run history' }).click()
  await seen(page.getByText('The flow has not run yet.'))
  await button(page, 'Run flow').click()
  await seen(page.getByText('Successfully ran the flow flights.'))
  const run = page.getByRole('grid', { name: 'Runs' }).getByRole('row').nth(1)
  await seen(run.getByText('Successful'))
  const cells = (await run.getByRole('gridcell').allTextContents()).join(' | ')
  const { flowExecutions: [record] } = await server.call<{ flowExecutions: { executionId: string; executionResult: { recordsProcessed: number } }[] }>('describe-flow-execution-records', { flowName: 'flights' })
  expect(record!.executionResult.recordsProcessed).toBe(20_000)
  expect(cells).toContain('20,000')
  expect(cells).toMatch(/\d+(\.\d+)? (KB|MB|KiB|MiB)/)
  expect(cells).toContain(record!.executionId)
  // The tab is in the address: a reload comes back to it.
  await page.reload()
  await seen(page.getByRole('grid', { name: 'Runs' }).getByText('Successful'))
})

browserTest(use, 'shows the whole error text of a run that failed', {}, async ({ page, server }) => {
  await server.sapConnection('broken', inject('sap'))
  await server.sapFlow('failing', 'broken')
  await server.call('update-connector-profile', {
    connectorProfileName: 'broken',
    connectionMode: 'Public',
    connectorProfileConfig: {
      connectorProfileProperties: { SAPOData: sapProperties(inject('sap')) },
      connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: SAP_USER, password: 'it was changed' } } },
    },
  })
  await visit(page, '#/flows')
  await page.getByRole('radio', { name: 'Select flow failing' }).check({ force: true })
  await button(page, 'Run flow').click()
  await seen(page.getByText('The flow failing failed'))
  const { flowExecutions: [run] } = await server.call<{ flowExecutions: { executionResult: { errorInfo: { executionMessage: string } } }[] }>('describe-flow-execution-records', { flowName: 'failing' })
  const { executionMessage } = run!.executionResult.errorInfo
  expect(executionMessage).toContain('401')
  const table = page.getByRole('grid', { name: 'Runs' })
  await seen(table.getByText('Failed'))
  const fold = table.getByRole('button', { name: /^Show the whole error/ })
  if (await fold.count()) await fold.click()
  await expect.poll(() => table.textContent()).toContain(executionMessage)
})

browserTest(use, 'shows what a flow does', {}, async ({ page }) => {
  await visit(page, '#/flows/view/airlines')
  await seen(heading(page, 'airlines'))
  await seen(page.getByText('Airlines').first())
  await seen(page.getByRole('link', { name: 'erp' }))
  await page.getByRole('tab', { name: 'Data field settings' }).click()
  await seen(page.getByRole('cell', { name: 'carrier' }).or(page.getByRole('gridcell', { name: 'carrier' })).or(page.getByText('carrier', { exact: true })))
  await page.getByRole('tab', { name: /^Filters/ }).click()
  await seen(page.getByText('Every record of the source is moved.'))
})

browserTest(use, 'filters flows, and deletes one by a typed word', {}, async ({ page, server }) => {
  await server.sapFlow('to-delete', 'erp')
  await visit(page, '#/flows')
  await page.getByLabel('Find flows by property or value').fill('to-del')
  await page.keyboard.press('Enter')
  await seen(page.getByText('1 match'))
  await gone(page.getByRole('link', { name: 'airlines', exact: true }))
  await page.getByRole('radio', { name: 'Select flow to-delete' }).check({ force: true })
  await button(page, 'Delete').click()
  const dialog = page.getByRole('dialog', { name: 'Delete flow to-delete?' })
  await seen(dialog)
  await dialog.getByRole('textbox').fill('delete')
  await button(dialog, 'Delete').click()
  await gone(dialog)
  await seen(page.getByText('Successfully deleted the flow to-delete.'))
  const { flows } = await server.call<{ flows: { flowName: string }[] }>('list-flows', {})
  expect(flows.map(({ flowName }) => flowName)).not.toContain('to-delete')
})
