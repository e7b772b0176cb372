// The real binary on a folder of its own, and what tests ask of it beside the browser.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BINARY } from './paths.ts'
import { Process } from './process.ts'
import { sign } from './sigv4.ts'

/** An error answer of the API. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(`${status} ${code}: ${message}`)
  }
}

/** Who can sign in to every server of these tests. */
export const USER = 'grace'
export const PASSWORD = 'correct horse battery staple'

const KEY = { accessKeyId: 'AKIACONSOLETEST00000', secretAccessKey: 'console/test/secret+access=key/01234567', region: 'us-east-1' }

/** How a server is started. */
export interface Settings {
  options?: string[]
  env?: Record<string, string>
  /** 0 takes a free one. */
  port?: number
  /** With a user that can sign in. */
  withUser?: boolean
}

/** `tidegate serve` on a free port over an empty folder. */
export class Server {
  private constructor(
    private readonly folder: string,
    private readonly arguments_: string[],
    private readonly env: Record<string, string>,
    private process: Process,
    /** Its address with "/" at the end. */
    readonly base: string,
  ) {}

  static async start({ options = [], env = {}, port = 0, withUser = true }: Settings = {}): Promise<Server> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tidegate-e2e-'))
    mkdirSync(path.join(folder, 'data/s3/landing'), { recursive: true })
    const command = [BINARY, 'serve', '--listen', `127.0.0.1:${port}`, '--data-dir', path.join(folder, 'data'), ...options]
    const started = await Server.run(command, folder, env).catch(error => {
      rmSync(folder, { recursive: true, force: true })
      throw error
    })
    const server = new Server(folder, command, env, started.process, `${started.ready}/`)
    if (withUser) await server.extension('create-user', { userName: USER, password: PASSWORD })
    return server
  }

  private static run(command: string[], folder: string, more: Record<string, string>) {
    const env = {
      ...more,
      PATH: process.env.PATH,
      HOME: folder,
      LANG: 'C.UTF-8',
      TIDEGATE_ACCESS_KEY_ID: KEY.accessKeyId,
      TIDEGATE_SECRET_ACCESS_KEY: KEY.secretAccessKey,
    }
    return Process.start(command, /^tidegate listening on (http:\/\/\S+)$/m, { cwd: folder, env })
  }

  /** Ends it and starts it again on the same address and folder. */
  async restart(): Promise<void> {
    await this.process.stop()
    const command = this.arguments_.with(3, new URL(this.base).host)
    this.process = (await Server.run(command, this.folder, this.env)).process
  }

  /** Its log so far. */
  get log(): string {
    return this.process.err
  }

  async stop(): Promise<void> {
    await this.process.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** One call of the API, signed with the root key. */
  async call<T = Record<string, unknown>>(operation: string, input: unknown): Promise<T> {
    const url = new URL(operation, this.base)
    const body = JSON.stringify(input)
    const answer = await fetch(url, { method: 'POST', body, headers: sign(KEY, url, body), signal: AbortSignal.timeout(60_000) })
    const text = await answer.text()
    if (answer.ok) return JSON.parse(text || '{}') as T
    const code = answer.headers.get('x-amzn-errortype')?.split(':')[0] ?? ''
    let message = text
    try {
      message = JSON.parse(text).message
    } catch {
      // The text as it is.
    }
    throw new Refused(answer.status, code, message)
  }

  extension<T = Record<string, unknown>>(name: string, input: unknown): Promise<T> {
    return this.call<T>(`x/${name}`, input)
  }

  /** The cookie of a new session, as a browser would hold it. */
  async session(userName = USER, password = PASSWORD): Promise<{ name: string; value: string }> {
    const answer = await fetch(new URL('session/sign-in', this.base), {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: new URL(this.base).origin },
      body: JSON.stringify({ userName, password }),
    })
    if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
    const [pair = ''] = answer.headers.getSetCookie()[0]?.split(';') ?? []
    return { name: pair.slice(0, pair.indexOf('=')), value: pair.slice(pair.indexOf('=') + 1) }
  }

  // What tests put in place.

  /** A connection to SAP's server, V4. Another password needs a server that does not try it. */
  async sapConnection(name: string, sap: string, properties: Record<string, unknown> = {}, password = SAP_PASSWORD): Promise<void> {
    await this.call('create-connector-profile', {
      connectorProfileName: name,
      connectorType: 'SAPOData',
      connectionMode: 'Public',
      connectorProfileConfig: {
        connectorProfileProperties: { SAPOData: { ...sapProperties(sap), ...properties } },
        connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: SAP_USER, password } } },
      },
    })
  }

  /** A flow from an entity of that connection to the bucket `landing`, as JSON Lines. */
  async sapFlow(name: string, connection: string, entity = 'Airlines', fields = ['carrier', 'name']): Promise<void> {
    const task = (sourceFields: string[], taskType: string, operator: string, taskProperties = {}, destinationField?: string) => ({
      sourceFields,
      taskType,
      connectorOperator: { SAPOData: operator },
      taskProperties,
      ...(destinationField && { destinationField }),
    })
    await this.call('create-flow', {
      flowName: name,
      triggerConfig: { triggerType: 'OnDemand' },
      sourceFlowConfig: {
        connectorType: 'SAPOData',
        connectorProfileName: connection,
        sourceConnectorProperties: { SAPOData: { objectPath: entity } },
      },
      destinationFlowConfigList: [
        { connectorType: 'S3', destinationConnectorProperties: { S3: { bucketName: 'landing', s3OutputFormatConfig: { fileType: 'JSON' } } } },
      ],
      tasks: [task(fields, 'Filter', 'PROJECTION'), ...fields.map(field => task([field], 'Map', 'NO_OP', {}, field))],
    })
  }

  /** Runs a flow to its end and gives its record. */
  async runFlow(flowName: string, seconds = 60): Promise<Record<string, unknown>> {
    const { executionId } = await this.call('start-flow', { flowName })
    const end = Date.now() + seconds * 1000
    while (Date.now() < end) {
      const { flowExecutions } = await this.call<{ flowExecutions: Record<string, unknown>[] }>('describe-flow-execution-records', { flowName })
      const run = flowExecutions.find(each => each.executionId === executionId)
      if (run && run.executionStatus !== 'InProgress') return run
      await sleep(50)
    }
    throw new Error(`the run of ${flowName} did not end in ${seconds} s`)
  }
}

export const SAP_USER = 'alice'
export const SAP_PASSWORD = 'wonder-Land 42'

/** The properties of a connection to SAP's server. */
export function sapProperties(sap: string): Record<string, unknown> {
  return {
    applicationHostUrl: 'http://localhost',
    applicationServicePath: '/odata/v4/nycflights',
    portNumber: Number(new URL(sap).port),
    clientNumber: '100',
    logonLanguage: 'EN',
  }
}
