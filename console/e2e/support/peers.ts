// The applications behind the console, started once for all files: SAP's own OData server, and an
// OpenID provider whose access tokens it takes.
import { createServer } from 'node:net'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { ROOT, tables } from './paths.ts'
import { Process } from './process.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** SAP's server, `http://localhost:PORT`. */
    sap: string
    /** The issuer, `http://localhost:PORT`: another site than the console's. */
    oidc: string
    /** Where a console must listen that the provider sends people back to. */
    consolePort: number
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return port
}

const peer = (name: string, env: Record<string, string>) =>
  Process.start([process.execPath, 'server.js'], new RegExp(`^${name} listening on (http://\\S+)$`, 'm'), {
    cwd: path.join(ROOT, 'conformance/peers', name),
    env: { ...process.env, PORT: '0', ...env },
  })

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const consolePort = await freePort()
  const oidc = await peer('oidc', { CONSOLE_URL: `http://127.0.0.1:${consolePort}/` })
  const sap = await peer('sap', { OAUTH: oidc.ready, FLIGHTS: '20000', DATA_DIR: tables() })
  project.provide('consolePort', consolePort)
  project.provide('oidc', oidc.ready)
  project.provide('sap', sap.ready)
  return async () => {
    await Promise.all([sap.process.stop(), oidc.process.stop()])
  }
}
