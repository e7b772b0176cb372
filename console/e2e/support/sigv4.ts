// SigV4 for the few requests that tests make beside the browser, after AWS's description of it.
import { createHash, createHmac } from 'node:crypto'

/** An access key, and for which region it signs. */
export interface Key {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** The headers of a signed POST with a JSON body. */
export function sign(key: Key, url: URL, body: string): Record<string, string> {
  const moment = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${moment.slice(0, 8)}/${key.region}/appflow/aws4_request`
  const headers: [string, string][] = [
    ['content-type', 'application/json'],
    ['host', url.host],
    ['x-amz-date', moment],
  ]
  const names = headers.map(([name]) => name).join(';')
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('')
  const request = ['POST', url.pathname, '', lines, names, sha256(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', moment, scope, sha256(request)].join('\n')
  const secret = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${key.secretAccessKey}`)
  const signature = createHmac('sha256', secret).update(text).digest('hex')
  return {
    'content-type': 'application/json',
    'x-amz-date': moment,
    authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}
