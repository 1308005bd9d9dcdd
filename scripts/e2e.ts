/**
 * `npm run e2e -- [--core] [--only NAME] [--keep] [--context kind-NAME] [--list]`: the operator in a cluster of real
 * nodes. The last line is `N passed, N failed`; the exit status is not 0 when a scenario failed or none ran.
 */
import { parseArgs } from 'node:util'
import { type Environment, startEnvironment } from '../e2e/environment.ts'
import { loadScenarios } from '../e2e/load-scenarios.ts'
import { runScenarios, tableOf } from '../e2e/runner.ts'
import type { Scenario } from '../e2e/scenario.ts'
import { describeError } from '../src/runtime/log.ts'
import { withDocker } from '../testbed/machine/docker.ts'

const USAGE = `Usage: npm run e2e -- [--core] [--only NAME]... [--keep] [--context kind-NAME] [--lanes N] [--list]

  Starts a cluster of three real nodes with kind, registries, and the operator by its chart, and runs the scenarios of
  e2e/scenarios. Without a running Docker daemon it needs root: it then starts its own and downloads what is missing.

  --core               only the part that CI runs: each incident, approval, the agent's token, a crash and a storm
  --only NAME          only the scenarios whose names begin with NAME; repeatable
  --keep               keep everything running until Ctrl-C, for inspection or for --context
  --context kind-NAME  use an existing kind cluster, such as one kept in another terminal
  --lanes N            how many scenarios at once (default 6)
  --list               only list the scenarios`

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const options = {
  core: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true },
  keep: { type: 'boolean', default: false },
  context: { type: 'string' },
  lanes: { type: 'string', default: '6' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const began = Date.now()
const say = (text: string): void => {
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${seconds.padStart(6)}  ${text}\n`)
}

const chosen = async (only: readonly string[] | undefined, coreOnly: boolean): Promise<readonly Scenario[]> => {
  const all = (await loadScenarios()).filter(({ core }) => core === true || !coreOnly)
  if (!only) return all
  const found = all.filter(({ name }) => only.some((prefix) => name.startsWith(prefix)))
  if (found.length === 0) throw new Error(`no scenario begins with ${only.join(' or ')}; --list names them`)
  return found
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const alive = setInterval(() => {}, 60_000)
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })

const showKept = ({ cluster }: Environment): void => {
  say('kept until Ctrl-C:')
  say(`  export KUBECONFIG=${cluster.kubeconfig}`)
  say(`  kubectl of the same version: ${cluster.kubectlPath}`)
  say(`  npm run e2e -- --context kind-${cluster.name} --only NAME`)
}

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options })
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const scenarios = await chosen(values.only, values.core)
  if (values.list) {
    for (const { name, title, core, alone } of scenarios) {
      console.log(`${name}${core ? ' (core)' : ''}${alone ? ' (alone)' : ''}: ${title}`)
    }
    return 0
  }
  const existing = values.context?.replace(/^kind-/, '')
  if (values.context !== undefined && existing === values.context) {
    throw new Error(
      `--context takes a cluster of kind, as kind-NAME: the scenarios reach into its nodes; got ${values.context}`,
    )
  }
  const lanes = Math.max(1, Number(values.lanes) || 6)
  const stopping = new AbortController()
  let interrupted = 0
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (!stopping.signal.aborted) say('interrupted; ending all of it')
      interrupted ||= status
      stopping.abort()
    })
  }
  const { signal } = stopping

  const played = withDocker(async (dockerHost) => {
    const environment = await startEnvironment({ dockerHost, say, signal, ...(existing !== undefined && { existing }) })
    try {
      const { results, evidence } = await runScenarios({ environment, scenarios, lanes, signal, say })
      const failed = results.filter(({ error }) => error !== undefined).length
      if (values.keep && !signal.aborted) {
        showKept(environment)
        await untilAborted(signal)
        interrupted = 0
      }
      process.stdout.write(`\n${tableOf(results)}\n\n`)
      if (evidence !== undefined) console.log(`logs, Events and objects of what failed: ${evidence}`)
      process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`)
      return interrupted || (failed > 0 || results.length === 0 ? 1 : 0)
    } finally {
      await environment.down()
    }
  })
  const status = await played.catch((cause: unknown) => {
    // What was cut off in the middle fails; that is no news.
    if (signal.aborted) return interrupted
    throw cause
  })
  // What a scenario that was interrupted waits for would be waited for.
  if (signal.aborted) process.exit(status)
  return status
}

const isUsage = (cause: unknown): cause is Error =>
  cause instanceof Error && ((cause as NodeJS.ErrnoException).code ?? '').startsWith('ERR_PARSE_ARGS')

try {
  process.exitCode = await main()
} catch (cause) {
  process.stderr.write(`${isUsage(cause) ? `${cause.message}\n${USAGE}` : describeError(cause)}\n`)
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = isUsage(cause) ? 2 : 1
}
