import { CLUSTER_OPTIONS, withCluster } from '../cluster.ts'
import { hostsDirOf, OPERATOR_OPTIONS, operatorNamespace, REGISTRY_OPTIONS } from '../options.ts'
import { subcommand, EXIT, UsageError } from '../subcommand.ts'
import { createPaint, formatData, printable } from '../terminal.ts'
import { readApprovals } from './admission.ts'
import { readAgents } from './agents.ts'
import { formatChecks } from './check.ts'
import {
  readCrds,
  readExcludes,
  readRegistryHosts,
  readLease,
  readPause,
  readPolicyStatus,
  readServerVersion,
} from './installation.ts'
import { readRights } from './rights.ts'

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
      const server = await readServerVersion(client)
      const { policies, checks: understood } = await readPolicyStatus(client)
      const rest = await Promise.all([
        readCrds(client),
        readRights(client, subject, namespace, policies),
        readApprovals(client, policies),
        readPause(client, namespace),
        readExcludes(client),
        readLease(client, namespace, Date.now()),
        readAgents(client, namespace, policies, Date.now()),
        readRegistryHosts(hostsDirOf(values['registry-hosts-dir'], terminal.environment)),
      ])
      return printable([server, ...understood, ...rest.flat()])
    })
    await terminal.write(formatData({ checks }, values.output) ?? formatChecks(checks, createPaint(terminal.colour)))
    return checks.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done
  },
)
