import { randomBytes } from 'node:crypto'

/** The requester: anonymous, or a user with the right password. */
export interface Identity {
  readonly user?: string
}

/** What the `Authorization` header of a request amounts to. */
export interface Presented {
  readonly kind: 'none' | 'basic' | 'bearer'
  /** The name that came with Basic, right or wrong. */
  readonly name?: string
  /** Absent when the password or the token is not ours. */
  readonly identity?: Identity
}

export interface Tokens {
  read(authorization: string | undefined): Presented
  /** An opaque token for this identity. */
  issue(identity: Identity): string
}

/** Tokens and passwords of one proxy, kept in memory. */
export const makeTokens = (users: Readonly<Record<string, string>>): Tokens => {
  const issued = new Map<string, Identity>()
  return {
    read: (authorization) => {
      const { scheme, value } = /^(?<scheme>\w+) +(?<value>\S+)$/.exec(authorization ?? '')?.groups ?? {}
      if (scheme === undefined || value === undefined) return { kind: 'none' }
      if (scheme.toLowerCase() === 'basic') {
        const pair = Buffer.from(value, 'base64').toString()
        const name = pair.slice(0, pair.indexOf(':'))
        const isRight = users[name] !== undefined && users[name] === pair.slice(name.length + 1)
        return { kind: 'basic', name, ...(isRight && { identity: { user: name } }) }
      }
      const identity = issued.get(value)
      return { kind: 'bearer', ...(identity && { identity }) }
    },
    issue: (identity) => {
      const token = randomBytes(24).toString('base64url')
      issued.set(token, identity)
      return token
    },
  }
}
