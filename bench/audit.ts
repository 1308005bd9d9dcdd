/** Requests as the API server's audit log has them. Times are ms since the epoch, to the microsecond. */
import { open, stat } from 'node:fs/promises'

export interface AuditedRequest {
  readonly user: string
  readonly verb: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly uri: string
  readonly code: number
  readonly receivedAt: number
  readonly completedAt: number
}

interface AuditLine {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

/** `2030-01-01T00:00:00.123456Z`: Date knows milliseconds only. */
const timeOf = (text: string): number => Date.parse(`${text.slice(0, 23)}Z`) + Number(text.slice(23, 26)) / 1_000

const requestOf = (line: string): AuditedRequest => {
  const { verb, requestURI, user, objectRef = {}, responseStatus, ...times } = JSON.parse(line) as AuditLine
  return {
    user: user.username,
    verb,
    resource: objectRef.resource ?? '',
    subresource: objectRef.subresource ?? '',
    namespace: objectRef.namespace ?? '',
    name: objectRef.name ?? '',
    uri: requestURI,
    code: responseStatus?.code ?? 0,
    receivedAt: timeOf(times.requestReceivedTimestamp),
    completedAt: timeOf(times.stageTimestamp),
  }
}

/** An API server ends a watch after a random time of one to two times `--min-request-timeout`, 1,800 s by default. */
const SERVERS_TIMEOUT_S = 1_800

/** After how many seconds these watches are to end, the mean. */
export const meanAskedSeconds = (watches: readonly AuditedRequest[]): number => {
  const asked = watches.map(({ uri }) =>
    Number(new URL(uri, 'https://server').searchParams.get('timeoutSeconds') ?? SERVERS_TIMEOUT_S),
  )
  return asked.reduce((sum, each) => sum + each, 0) / asked.length
}

export interface AuditMark {
  /** Completed requests of these users since the mark was set, in the order of their responses. */
  readonly requests: (users: readonly string[]) => Promise<readonly AuditedRequest[]>
}

/** Remembers the end of the log, so that only what comes after it is read. */
export const markAudit = async (file: string): Promise<AuditMark> => {
  const { size: from } = await stat(file)
  return {
    requests: async (users) => {
      const found: AuditedRequest[] = []
      const handle = await open(file)
      try {
        for await (const line of handle.readLines({ start: from, encoding: 'utf8' })) {
          if (!users.some((user) => line.includes(user))) continue
          const request = requestOf(line)
          if (users.includes(request.user)) found.push(request)
        }
      } finally {
        await handle.close()
      }
      return found
    },
  }
}
