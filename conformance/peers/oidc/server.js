// An OpenID provider (npm oidc-provider) with people and clients in memory, for tests only.
//
// Environment:
//   PORT           0 takes a free port (default)
//   HOST           the address to listen on, default 127.0.0.1; the issuer is called "localhost" then
//   CONSOLE_URL    the console's address with "/" at its end: the clients' redirect addresses lie under it
//   REDIRECT_URIS  more redirect addresses, separated by spaces; both clients may use them
//   ACCESS_TTL     seconds that an access token lives, default 3600
//   MINUTES        stops by itself after so many minutes, default 30
//   REQUEST_LOG    a file that takes one JSON line a request (never a query, a body or a header)
//
// It stops when its standard input ends, unless that is no pipe. When ready it prints one line on
// stdout: oidc listening on http://localhost:PORT
import fs from 'node:fs'
import http from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { Provider } from 'oidc-provider'
import { PEOPLE, interactions } from './interactions.js'

const HOST = process.env.HOST || '127.0.0.1'
const NAME = HOST === '127.0.0.1' ? 'localhost' : HOST
const CONSOLE = process.env.CONSOLE_URL || 'http://127.0.0.1:8080/'
const MORE = (process.env.REDIRECT_URIS || '').split(' ').filter(Boolean)

/** What a service behind the provider asks for, besides OpenID's own scopes. */
const SCOPES = ['openid', 'profile', 'email', 'offline_access', 'ZFLIGHT_SRV_0001', 'ZFLIGHT_SRV_0002']

const clients = [
  {
    // The console's sign-in.
    client_id: 'tidegate-console',
    client_secret: 'console-client-secret-of-the-provider',
    redirect_uris: [new URL('session/oidc/callback', CONSOLE).href, ...MORE],
    grant_types: ['authorization_code'],
    response_types: ['code'],
  },
  {
    // A connection to SAP: authorization code with PKCE, and refresh tokens that rotate.
    client_id: 'sap-connection',
    client_secret: 'sap-client-secret-of-the-provider',
    redirect_uris: [new URL('oauth/callback', CONSOLE).href, ...MORE],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  },
  {
    // The service that looks at access tokens (RFC 7662); it signs nobody in.
    client_id: 'sap-service',
    client_secret: 'service-client-secret-of-the-provider',
    redirect_uris: [],
    grant_types: [],
    response_types: [],
  },
]

/** Signs ID tokens; made anew at each start. */
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })

const configuration = {
  clients,
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: `test-${process.pid}` }] },
  scopes: SCOPES,
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  // The claims are in the ID token too, so that a client may do without the userinfo endpoint.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  cookies: { keys: ['a key that signs cookies of a test'] },
  ttl: {
    AccessToken: Number(process.env.ACCESS_TTL || 3600),
    AuthorizationCode: 60,
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 3600,
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount(_ctx, id) {
    const person = PEOPLE[id]
    return person && { accountId: id, claims: () => ({ sub: id, ...person.claims }) }
  },
  // The page of errors: plain text, so that a test can read it.
  renderError(ctx, out) {
    ctx.type = 'text/plain'
    ctx.body = Object.entries(out).map(([name, value]) => `${name}: ${value}`).join('\n')
  },
}

async function main() {
  let handle = (_request, response) => response.writeHead(503).end()
  const log = process.env.REQUEST_LOG && fs.openSync(process.env.REQUEST_LOG, 'a')
  const server = http.createServer((request, response) => {
    if (log) {
      response.on('finish', () => {
        const line = { method: request.method, path: request.url.split('?')[0], status: response.statusCode }
        fs.writeSync(log, JSON.stringify(line) + '\n')
      })
    }
    handle(request, response)
  })
  server.listen(Number(process.env.PORT || 0), HOST)
  await once(server, 'listening')
  const issuer = `http://${NAME}:${server.address().port}`
  const provider = new Provider(issuer, configuration)
  provider.use(interactions(provider))
  handle = provider.callback()
  console.log(`oidc listening on ${issuer}`)
}

setTimeout(() => process.exit(0), Number(process.env.MINUTES || 30) * 60_000).unref()
if (fs.fstatSync(0).isFIFO()) process.stdin.on('end', () => process.exit(0)).resume()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
main().catch(error => {
  console.error(error)
  process.exit(1)
})
