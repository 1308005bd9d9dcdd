/**
 * `npm run demo -- [--kind] [--keep] [--json]`: a broken image path on a real API server, found, repaired and proven; with
 * `--kind`, four incidents on real nodes. Exit status 0 only if all is repaired and verified and nothing else was touched.
 */
import { parseArgs } from 'node:util'
import { describeError } from '../src/runtime/log.ts'
import { NoGoError } from '../testbed/build/go.ts'
import { runDemo } from './demo.ts'
import { runKindDemo } from './kind/demo.ts'

const USAGE = `Usage: npm run demo -- [--kind] [--keep] [--json]

  Starts a real API server on loopback, breaks the image of cluster DNS as a renamed registry project does, and shows
  how podmend observes it, is allowed to act, repairs it, and leaves two look-alikes alone. About a minute; the first
  time some more, to build the API server.

  --kind    play four incidents on a cluster of three real nodes instead: a moved registry project, a lost firewall
            chain, a missing mount helper, a mistyped image. Some minutes; needs Docker, or root
  --keep    leave all of it running until Ctrl-C, to play with
  --context kind-NAME  with --kind: a cluster of kind that is there, such as one that npm run e2e -- --keep left
  --json    print the time line as JSON lines, nothing else`

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      kind: { type: 'boolean', default: false },
      context: { type: 'string' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const stopping = new AbortController()
  let interrupted = 0
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      interrupted ||= status
      stopping.abort()
    })
  }
  const { stdout, env } = process
  const colour = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const { kind, context, keep, json } = values
  const options = { keep, json, out: stdout, colour, signal: stopping.signal }
  const existing = context === undefined ? {} : { existing: context.replace(/^kind-/, '') }
  const played = kind ? runKindDemo({ ...options, ...existing }) : runDemo(options)
  const ok = await played.catch((cause: unknown) => {
    // What was cut off in the middle fails; that is no news.
    if (interrupted !== 0) return false
    throw cause
  })
  // A build that is under way would be waited for.
  if (interrupted !== 0) process.exit(keep && ok ? 0 : interrupted)
  return ok ? 0 : 1
}

const isUsage = (cause: unknown): cause is Error =>
  cause instanceof Error && ((cause as NodeJS.ErrnoException).code ?? '').startsWith('ERR_PARSE_ARGS')

try {
  process.exitCode = await main()
} catch (cause) {
  const noGo = cause instanceof Error && cause.cause instanceof NoGoError ? cause.cause : undefined
  const hint = 'The demo runs on a control plane of its own only; on your cluster: npm run controller -- --context NAME'
  const text = isUsage(cause) ? `${cause.message}\n${USAGE}` : noGo ? `${noGo.message}\n${hint}` : describeError(cause)
  process.stderr.write(`${text}\n`)
  process.exitCode = isUsage(cause) ? 2 : 1
}
