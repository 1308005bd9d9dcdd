import { UsageError } from '../../config/arguments.ts'
import { CLUSTER_OPTIONS, withCluster } from '../cluster.ts'
import { hostsDirOf, OPERATOR_OPTIONS, operatorNamespace, REGISTRY_OPTIONS } from '../options.ts'
import { EXIT, subcommand } from '../subcommand.ts'
import { printable } from '../../model/printable.ts'
import { createPaint, formatData } from '../terminal.ts'
import { readAdmissions } from './admission.ts'
import { readAgents } from './agents.ts'
import { formatChecks } from './check.ts'
import {
  readCrds,
  readExcludes,
  readLease,
  readPause,
  readPolicyStatus,
  readRegistryHosts,
  readServerVersion,
} from './installation.ts'
import { readRights } from './rights.ts'

const subjectOf = (text: string | undefined, namespace: string) => {
  if (text === undefined) return undefined
  const parts = text.split('/')
  const [place, name] = parts.length === 1 ? [namespace, parts[0]] : parts
  if (!place || !name || parts.length > 2) {
    throw new UsageError(`--service-account: found "${text}", expected NAME or NAMESPACE/NAME`)
  }
  return { namespace: place, name }
}

export const doctorCommand = subcommand(
  {
    name: 'doctor',
    synopsis: '[options]',
    text:
      'Checks whether podmend can work in this cluster: the API server, the CRDs, the policies, the rights that the ' +
      'controller needs, the stop annotation, unusual opt-outs, the leader, the node agents, and the registry ' +
      'hosts. Each line is ok, warn or fail, with what to do. Writes nothing. Exits with 1 if a check fails.',
    examples: ['kubectl mend doctor', 'kubectl mend doctor --service-account podmend-system/podmend-controller'],
  },
  {
    ...CLUSTER_OPTIONS,
    ...OPERATOR_OPTIONS,
    'registry-hosts-dir': REGISTRY_OPTIONS['registry-hosts-dir'],
    'service-account': {
      type: 'string',
      value: 'NAMESPACE/NAME',
      help: 'service account whose rights are checked (default: your own)',
    },
    output: { type: 'string', short: 'o', choices: ['json', 'yaml', 'wide'], help: 'print as data; wide is the text' },
  },
  async ({ values, positionals }, terminal) => {
    if (positionals[0] !== undefined) throw new UsageError(`found the argument "${positionals[0]}"; doctor takes none`)
    const namespace = operatorNamespace(values['operator-namespace'], terminal.environment)
    const subject = subjectOf(values['service-account'], namespace)
    const checks = await withCluster(values, terminal, async ({ client }) => {
      const server = await readServerVersion(client)
      const { policies, checks: understood } = await readPolicyStatus(client)
      const rest = await Promise.all([
        readCrds(client),
        readRights(client, subject, namespace, policies),
        readAdmissions(client, policies),
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
