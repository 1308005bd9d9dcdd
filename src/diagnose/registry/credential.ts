import { createHash, randomBytes } from 'node:crypto'

/** A user's name and password for a registry, and where it came from. Never logged, never part of evidence. */
export interface Credential {
  readonly username: string
  readonly password: string
  /** e.g. `secret infra/harbor`, for sentences. */
  readonly source: string
}

const SALT = randomBytes(16)

/** Tells credentials apart in cache keys without holding them there. */
export const fingerprint = (credential: Credential | undefined): string =>
  credential === undefined
    ? 'anonymous'
    : createHash('sha256')
        .update(SALT)
        .update(JSON.stringify([credential.username, credential.password]))
        .digest('base64')

export const basicHeader = ({ username, password }: Credential): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
