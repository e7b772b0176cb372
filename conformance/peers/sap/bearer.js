// Access tokens of an OAuth server: asked about at its introspection endpoint (RFC 7662) on every
// request, so that a token that was revoked or has expired is refused at once.
'use strict'

/** The service's own client at that server. */
const CLIENT = 'sap-service:service-client-secret-of-the-provider'
const SCOPE = 'ZFLIGHT_SRV_0001'

async function ask(endpoint, token) {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(CLIENT).toString('base64')}` },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    signal: AbortSignal.timeout(10_000),
  })
  if (!answer.ok) throw new Error(`${endpoint} answered ${answer.status}`)
  return answer.json()
}

/** A middleware that lets a good token through as the user `name`, and leaves other schemes to what follows. */
module.exports = function bearer(issuer, name, password) {
  const asBasic = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
  let endpoint
  return async (request, response, next) => {
    const [, token] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization || '') || []
    if (!token) return next()
    try {
      if (!endpoint) {
        const found = await fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(10_000) })
        endpoint = (await found.json()).introspection_endpoint
      }
      const { active, scope = '', iss, exp } = await ask(endpoint, token)
      const good = active === true && iss === issuer && exp * 1000 > Date.now() && scope.split(' ').includes(SCOPE)
      if (!good) {
        response.set('WWW-Authenticate', 'Bearer error="invalid_token"')
        return response.status(401).json({ error: { code: '401', message: 'The access token is not accepted.' } })
      }
      request.headers.authorization = asBasic
      next()
    } catch (error) {
      console.error(`introspection: ${error.message}`)
      response.status(503).json({ error: { code: '503', message: 'The OAuth server cannot be asked.' } })
    }
  }
}
