/** Longest text of a registry that is repeated, in characters. */
const MAX_SAID = 500

/** One line without control characters, for text that a stranger wrote. */
export const tidy = (text: string): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > MAX_SAID ? `${line.slice(0, MAX_SAID)}…` : line
}

/** What a registry says is wrong, in its own codes: OCI distribution spec, "error codes"; Harbor adds its own. */
export interface RegistryError {
  readonly code: string
  readonly message: string
}

const textOf = (value: unknown): string => (typeof value === 'string' ? tidy(value) : '')

/**
 * Errors in the body of an answer, at most 8; empty where it is not a registry's: then nothing of it is repeated, so that
 * a reference that leads to some other server cannot be used to read from it. Never throws.
 */
export const parseErrors = (body: Buffer): readonly RegistryError[] => {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch {
    return []
  }
  const errors = typeof json === 'object' && json !== null && 'errors' in json ? json.errors : undefined
  if (!Array.isArray(errors)) return []
  return errors.slice(0, 8).flatMap((item: unknown): readonly RegistryError[] => {
    if (typeof item !== 'object' || item === null) return []
    const code = 'code' in item ? textOf(item.code).toUpperCase() : ''
    const message = 'message' in item ? textOf(item.message) : ''
    return code === '' && message === '' ? [] : [{ code, message }]
  })
}

/** `401 UNAUTHORIZED: project not found, name: k8s` */
export const sentenceOf = (status: number, errors: readonly RegistryError[]): string => {
  const said = errors.map(({ code, message }) => [code, message].filter((part) => part !== '').join(': ')).join('; ')
  return tidy(`${status}${said === '' ? '' : ` ${said}`}`)
}
