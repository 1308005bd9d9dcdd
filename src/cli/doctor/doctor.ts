import { CLUSTER_OPTIONS, withCluster } from '../cluster.ts'
import { EXIT, UsageError } from '../errors.ts'
import { hostsDirOf, OPERATOR_OPTIONS, operatorNamespace, REGISTRY_OPTIONS } from '../options.ts'
import { createPaint, formatData, type Paint, printable } from '../output.ts'
import { subcommand } from '../subcommand.ts'
import { lookAtApprovals } from './admission.ts'
import { lookAtAgents } from './agents.ts'
import type { Check } from './check.ts'
import {
  lookAtCrds,
  lookAtExcludes,
  lookAtHosts,
  lookAtLease,
  lookAtPause,
  lookAtPolicies,
  lookAtRights,
  lookAtServer,
} from './installation.ts'

const LABELS = { ok: ' ok ', warn: 'warn', fail: 'FAIL' } as const

/** Checks as lines, what to do under each that is not well. */
export const formatChecks = (checks: readonly Check[], paint: Paint): string => {
  const colours = { ok: paint.green, warn: paint.yellow, fail: paint.red }
  const width = Math.max(...checks.map(({ check }) => check.length))
  return checks
    .flatMap(({ check, state, says, todo }) => [
      `${colours[state](LABELS[state])}  ${check.padEnd(width)}  ${says}\n`,
      ...(todo === undefined ? [] : [`      ${''.padEnd(width)}  ${paint.dim(`→ ${todo}`)}\n`]),
    ])
    .join('')
}

const subjectOf = (text: string | undefined, namespace: string) => {
  if (text === undefined) return undefined
  const parts = text.split('/')
  const [place, name] = parts.length === 1 ? [namespace, parts[0]] : parts
  if (!place || !name || parts.length > 2) {
    throw new UsageError(`--service-account is "${text}"; expected NAME or NAMESPACE/NAME`)
  }
  return { namespace: place, name }
}

export const doctorCommand = subcommand(
  {
    name: 'doctor',
    synopsis: '[options]',
    text:
      'Checks whether podmend can work here: the API server, the CRDs, the policies, the rights that the controller ' +
      'needs, the stop annotation, odd opt-outs, who leads, the agents on the nodes, and the registry ' +
      'hosts. Each line is ok, warn or fail, with what to do. ' +
      'Writes nothing. The exit status is 1 when a check fails.',
    examples: ['kubectl mend doctor', 'kubectl mend doctor --service-account podmend-system/podmend-controller'],
  },
  {
    ...CLUSTER_OPTIONS,
    ...OPERATOR_OPTIONS,
    'registry-hosts-dir': REGISTRY_OPTIONS['registry-hosts-dir'],
    'service-account': {
      type: 'string',
      value: 'NAMESPACE/NAME',
      help: "whose rights are checked; else the user's own",
    },
    output: { type: 'string', short: 'o', choices: ['json', 'yaml', 'wide'], help: 'print as data; wide is the text' },
  },
  async ({ values, positionals }, terminal) => {
    if (positionals[0] !== undefined) throw new UsageError(`doctor takes no argument, found "${positionals[0]}"`)
    const namespace = operatorNamespace(values['operator-namespace'], terminal.environment)
    const subject = subjectOf(values['service-account'], namespace)
    const checks = await withCluster(values, terminal, async ({ client }) => {
      const server = await lookAtServer(client)
      const { policies, checks: understood } = await lookAtPolicies(client)
      const rest = await Promise.all([
        lookAtCrds(client),
        lookAtRights(client, subject, namespace, policies),
        lookAtApprovals(client, policies),
        lookAtPause(client, namespace),
        lookAtExcludes(client),
        lookAtLease(client, namespace, Date.now()),
        lookAtAgents(client, namespace, policies, Date.now()),
        lookAtHosts(hostsDirOf(values['registry-hosts-dir'], terminal.environment)),
      ])
      return printable([server, ...understood, ...rest.flat()])
    })
    await terminal.write(formatData({ checks }, values.output) ?? formatChecks(checks, createPaint(terminal.colour)))
    return checks.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done
  },
)
