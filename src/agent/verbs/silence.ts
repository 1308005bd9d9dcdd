import { GrpcError, OddAnswer } from '../cri/grpc.ts'

/** DEADLINE_EXCEEDED and UNAVAILABLE: words for no answer. */
const NO_ANSWER: ReadonlySet<number> = new Set([4, 14])

const causesOf = (error: unknown): readonly unknown[] => {
  const causes: unknown[] = []
  for (let at = error; at !== undefined && causes.length < 6; at = at instanceof Error ? at.cause : undefined) {
    causes.push(at)
  }
  return causes
}

/** What a failed call tells of the socket; `odd` where somebody answers whose words are not understood. */
export const silenceOf = (error: unknown): 'silent' | 'answers' | 'odd' | 'absent' | 'forbidden' => {
  for (const each of causesOf(error)) {
    if (each instanceof GrpcError) return NO_ANSWER.has(each.status) ? 'silent' : 'answers'
    if (each instanceof OddAnswer) return 'odd'
    const { code } = each as NodeJS.ErrnoException
    // What came is no HTTP/2.
    if (code === 'ERR_HTTP2_ERROR') return 'odd'
    if (code === 'ENOENT') return 'absent'
    if (code === 'EACCES' || code === 'EPERM') return 'forbidden'
  }
  return 'silent'
}
