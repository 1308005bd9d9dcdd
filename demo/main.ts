/**
 * `npm run demo -- [--kind] [--keep] [--json]`: a broken image path on a real API server, diagnosed, repaired and verified; with
 * `--kind`, four incidents on real nodes. Exit status 0 only if all is repaired and verified and nothing else was changed.
 */
import { parseArgs } from 'node:util'
import { describeError } from '../src/runtime/log.ts'
import { NoGoError } from '../testbed/build/go.ts'
import { runDemo } from './demo.ts'
import { runKindDemo } from './kind/demo.ts'

const USAGE = `Usage: npm run demo -- [--kind] [--keep] [--json]

  Starts a real API server on loopback, breaks the image of cluster DNS as a renamed registry project does, and shows
  how podmend observes the failure, is allowed to act, repairs it, and does not change workloads with similar failures.
  Takes about a minute; the first run takes some minutes more, to build the API server.

  --kind    run four incidents on a cluster of three real nodes instead: a moved registry project, a lost firewall
            chain, a missing mount helper, a mistyped image. Takes some minutes; needs Docker, or root
  --keep    keep everything running until Ctrl-C, to try things out
  --context kind-NAME  with --kind: use an existing kind cluster, such as one that npm run e2e -- --keep has kept
  --json    print only the time line, as JSON lines`

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
  const running = kind ? runKindDemo({ ...options, ...existing }) : runDemo(options)
  const ok = await running.catch((cause: unknown) => {
    // After an interrupt, errors are expected.
    if (interrupted !== 0) return false
    throw cause
  })
  // Without this, the process would wait for a build in progress.
  if (interrupted !== 0) process.exit(keep && ok ? 0 : interrupted)
  return ok ? 0 : 1
}

const isUsage = (cause: unknown): cause is Error =>
  cause instanceof Error && ((cause as NodeJS.ErrnoException).code ?? '').startsWith('ERR_PARSE_ARGS')

try {
  process.exitCode = await main()
} catch (cause) {
  const noGo = cause instanceof Error && cause.cause instanceof NoGoError ? cause.cause : undefined
  const hint =
    'The demo runs only on its own control plane. To run on your cluster: npm run controller -- --context NAME'
  const text = isUsage(cause) ? `${cause.message}\n${USAGE}` : noGo ? `${noGo.message}\n${hint}` : describeError(cause)
  process.stderr.write(`${text}\n`)
  process.exitCode = isUsage(cause) ? 2 : 1
}
