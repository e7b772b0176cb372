// The provider's pages: a form that asks who somebody is, and one that asks whether they allow it.

/** Who can sign in. Carol's e-mail address was never verified. */
export const PEOPLE = {
  ada: {
    password: 'ada signs in 1815',
    claims: { name: 'Ada Lovelace', preferred_username: 'ada', email: 'ada@example.com', email_verified: true },
  },
  carol: {
    password: 'carol signs in 1984',
    claims: { name: 'Carol Shaw', preferred_username: 'carol', email: 'carol@example.com', email_verified: false },
  },
}

const escape = text => String(text).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`)

function page(title, body) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>
<body><main><h1>${escape(title)}</h1>${body}</main></body></html>`
}

const loginPage = (uid, error) => page('Sign in to the provider', `
${error ? `<p role="alert">${escape(error)}</p>` : ''}
<form method="post" action="/interaction/${uid}/login">
  <p><label>User <input name="user" autocomplete="off" autofocus></label></p>
  <p><label>Password <input name="password" type="password" autocomplete="off"></label></p>
  <p><button>Continue</button></p>
</form>
<form method="post" action="/interaction/${uid}/cancel"><button>Cancel</button></form>`)

const consentPage = (uid, client, scopes) => page('Allow access', `
<p><b>${escape(client)}</b> asks for: ${escape(scopes.join(', ') || 'nothing more')}</p>
<form method="post" action="/interaction/${uid}/consent"><button>Allow</button></form>
<form method="post" action="/interaction/${uid}/cancel"><button>Deny</button></form>`)

async function form(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > 10_000) throw new Error('the form is too long')
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

async function grant(provider, { params, prompt, session, grantId }) {
  const found = grantId && await provider.Grant.find(grantId)
  const given = found || new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details
  if (missingOIDCScope) given.addOIDCScope(missingOIDCScope.join(' '))
  if (missingOIDCClaims) given.addOIDCClaims(missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missingResourceScopes || {})) {
    given.addResourceScope(resource, scopes.join(' '))
  }
  return given.save()
}

/** The middleware that serves `/interaction/…` of a provider. */
export function interactions(provider) {
  const finish = (ctx, result, more) => provider.interactionFinished(ctx.req, ctx.res, result, more)
  return async (ctx, next) => {
    const [, uid, action] = /^\/interaction\/([\w-]+)(?:\/(\w+))?$/.exec(ctx.path) || []
    if (!uid) return next()
    const details = await provider.interactionDetails(ctx.req, ctx.res)
    ctx.set('Cache-Control', 'no-store')
    const show = (status, body) => Object.assign(ctx, { status, type: 'text/html', body })
    if (ctx.method === 'GET' && !action) {
      const { prompt, params } = details
      if (prompt.name === 'login') return show(200, loginPage(uid))
      return show(200, consentPage(uid, params.client_id, prompt.details.missingOIDCScope || []))
    }
    if (ctx.method !== 'POST') return show(405, page('Not possible', ''))
    ctx.respond = false
    if (action === 'login') {
      const fields = await form(ctx.req)
      const person = PEOPLE[fields.get('user')]
      if (!person || person.password !== fields.get('password')) {
        ctx.respond = true
        return show(401, loginPage(uid, 'The provider does not know this user and password.'))
      }
      return finish(ctx, { login: { accountId: fields.get('user') } }, { mergeWithLastSubmission: false })
    }
    if (action === 'consent') {
      const grantId = await grant(provider, details)
      return finish(ctx, { consent: { grantId } }, { mergeWithLastSubmission: true })
    }
    return finish(ctx, { error: 'access_denied', error_description: 'The person did not allow it.' }, { mergeWithLastSubmission: false })
  }
}
