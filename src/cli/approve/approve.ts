import { matching, parseValue, UsageError } from '../../config/arguments.ts'
import type { Remediation } from '../../api/kinds.ts'
import type { RemediationSpec } from '../../api/remediation.ts'
import { conflict, forbidden, invalid, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { APPROVER_ROLE } from '../../model/names.ts'
import { policyRefOf } from '../../model/remediation-state.ts'
import { type Cluster, CLUSTER_OPTIONS, NAMESPACE_OPTION, withCluster } from '../cluster.ts'
import { ago, field, type TextOptions } from '../incident/text.ts'
import { EXIT, type ExitStatus, type Options, type Parsed, Refusal, sentenceOf, subcommand } from '../subcommand.ts'
import { printable } from '../../model/printable.ts'
import { createPaint, formatData, paintDiff, type Terminal } from '../terminal.ts'
import { findRecord, parseSubject, proposedPlan, readRecord, shortHash, whyNot } from './record.ts'

export const DECISION_OPTIONS = {
  ...CLUSTER_OPTIONS,
  ...NAMESPACE_OPTION,
  reason: { type: 'string', value: 'TEXT', help: 'the reason, recorded on the Remediation and in its Event' },
  plan: {
    type: 'string',
    value: 'HASH',
    help: 'decide only on this plan, given by 8 or more digits of its hash; does not ask',
  },
  yes: { type: 'boolean', short: 'y', help: 'decide on whatever plan is proposed; does not ask' },
  output: { type: 'string', short: 'o', choices: ['json', 'yaml', 'wide'], help: 'print as data; wide is the text' },
} as const satisfies Options

const PLAN_HASH = matching(/^[0-9a-f]{8,64}$/, '8 to 64 hexadecimal digits of status.planHash')

type Approval = NonNullable<RemediationSpec['approval']>

type Kind = Approval['decision']

const VERBS = {
  Approved: { verb: 'approve', done: 'approved' },
  Denied: { verb: 'deny', done: 'denied' },
} as const

/** Who the API server takes the user for, whatever the kubeconfig calls them. */
const whoAmI = async ({ client }: Cluster): Promise<string> => {
  const apiVersion = 'authentication.k8s.io/v1'
  const review = { apiVersion, kind: 'SelfSubjectReview' }
  const answer = await client.create<{ readonly status?: { readonly userInfo?: { readonly username?: string } } }>(
    pathOf({ kind: 'SelfSubjectReview' }),
    review,
  )
  const username = answer.status?.userInfo?.username
  if (!username) throw new Error('the API server does not say who this user is')
  return username
}

const quoted = (text: string): string =>
  /^[\w@.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The command by which an administrator grants this user the right. */
const grant = (user: string, namespace: string): string => {
  const account = /^system:serviceaccount:(?<account>[^:]+:[^:]+)$/.exec(user)?.groups?.['account']
  const subject = account === undefined ? `--user=${quoted(user)}` : `--serviceaccount=${account}`
  return `kubectl create rolebinding NAME -n ${namespace} --clusterrole=${APPROVER_ROLE} ${subject}`
}

const refused = (error: unknown, { by }: Approval, namespace: string, verb: string): Refusal => {
  const reason = sentenceOf(error).replace(/^.* denied request: /, '')
  const lacks = /\bverb\b/.test(reason) ? `; an administrator grants it with: ${grant(by, namespace)}` : ''
  return new Refusal(`${by} is not allowed to ${verb} in namespace ${namespace}: ${reason}${lacks}`)
}

interface Writing {
  readonly approval: Approval
  readonly verb: string
  readonly dryRun?: boolean
}

const MAX_ROUNDS = 5

/** Writes the decision on the plan that was shown. The record may change in the meantime, but not its plan. */
const write = async (cluster: Cluster, shown: Remediation, { approval, verb, dryRun }: Writing): Promise<void> => {
  const { namespace = '', name, uid } = shown.metadata
  const path = pathOf({ kind: 'Remediation', namespace, name })
  let { resourceVersion } = shown.metadata
  for (let round = 1; ; round += 1) {
    // The reason of an earlier decision goes with it.
    const spec = { approval: { reason: null, ...approval } }
    try {
      await cluster.client.patch(path, { metadata: { uid, resourceVersion }, spec }, { type: 'merge', dryRun })
      return
    } catch (error) {
      if (forbidden(error)) throw refused(error, approval, namespace, verb)
      if (!conflict(error) && !invalid(error)) throw error
      const now = await readRecord(cluster, namespace, name).catch((failure: unknown) => {
        if (!notFound(failure)) throw failure
        throw new Refusal(`Remediation ${name} was deleted; nothing was written`)
      })
      const why = whyNot(now, Date.now(), approval.planHash)
      if (why !== undefined) throw new Refusal(`${why}; nothing was written`)
      if (!conflict(error) || round === MAX_ROUNDS || now.metadata.uid !== uid) throw error
      resourceVersion = now.metadata.resourceVersion
    }
  }
}

const answer = async (question: string, { prompt, input }: Terminal): Promise<boolean> => {
  prompt(question)
  let typed = ''
  for await (const chunk of input) {
    typed += Buffer.from(chunk).toString()
    if (typed.includes('\n')) break
  }
  return /^\s*y(es)?\s*$/i.test(typed.split('\n')[0] ?? '')
}

/** Runs `approve` or `deny`. */
export const decideOnPlan = async (
  decision: Kind,
  { values, positionals }: Parsed<typeof DECISION_OPTIONS>,
  terminal: Terminal,
): Promise<ExitStatus> => {
  const { verb, done } = VERBS[decision]
  const { plan, reason } = values
  const subject = parseSubject(positionals)
  if (plan !== undefined) parseValue('--plan', plan, PLAN_HASH)
  const asks = plan === undefined && values.yes !== true
  const asData = values.output === 'json' || values.output === 'yaml'
  return withCluster(values, terminal, async (cluster) => {
    const record = await findRecord(cluster, subject)
    const why = whyNot(record, Date.now(), plan)
    const planHash = proposedPlan(record)
    if (why !== undefined || planHash === undefined) throw new Refusal(why ?? 'no plan awaits approval')
    const by = await whoAmI(cluster)
    const approval: Approval = { decision, planHash, by, ...(reason !== undefined && { reason }) }

    const text = proposalText(printable(record), {
      paint: createPaint(terminal.colour && !asData),
      now: Date.now(),
      wide: true,
    })
    if (!asData) await terminal.write(`${text}\n`)
    else if (asks) terminal.prompt(`${text}\n`)
    const { name, namespace = '' } = record.metadata
    if (asks) {
      if (!terminal.interactive) {
        throw new UsageError(
          `no terminal to ask on, so nothing was ${done}: add --plan ${shortHash(planHash)} to ${verb} only this plan, or --yes`,
        )
      }
      // A missing right is better reported before the question than after it.
      await write(cluster, record, { approval, verb, dryRun: true })
      if (!(await answer(`${verb} this plan as ${printable(by)}? [y/N] `, terminal))) {
        throw new Refusal(`nothing was ${done}`)
      }
    }
    await write(cluster, record, { approval, verb })
    const { target } = record.spec
    const diff = record.status?.steps?.findLast((step) => step.planHash === planHash)?.diff
    const result = { remediation: { namespace, name }, target, ...approval, ...(diff !== undefined && { diff }) }
    const message = `plan ${shortHash(planHash)} of Remediation ${name} is ${done} by ${by}; follow it with kubectl get rem ${name} -n ${namespace} -w\n`
    await terminal.write(formatData(printable(result), values.output) ?? printable(message))
    return EXIT.done
  })
}

// What a person reads before deciding: pure.

/** The plan that is proposed: what fails, since when, by which policy, until when, and the change itself. */
export const proposalText = (record: Remediation, options: TextOptions): string => {
  const { paint, now } = options
  const { metadata, spec, status } = record
  const { kind, name } = spec.target
  const { planHash = '', expiresAt, firstSeen, failingPods, action, steps = [] } = status ?? {}
  const pods = failingPods === undefined ? '' : `, ${failingPods} failing ${failingPods === 1 ? 'pod' : 'pods'}`
  const before = spec.approval
  const diff = steps.findLast((step) => step.planHash === planHash)?.diff
  const lines = [
    paint.bold(`Remediation ${metadata.name} in namespace ${metadata.namespace}`),
    ...field('target', `${kind} ${name} fails: ${status?.cause ?? spec.cause}${pods}`, options),
    ...(firstSeen === undefined ? [] : field('since', ago(firstSeen, now), options)),
    ...field('policy', policyRefOf(record).name, options),
    ...(before === undefined
      ? []
      : field(
          'previously',
          `${before.by} ${before.decision.toLowerCase()} plan ${shortHash(before.planHash)}`,
          options,
        )),
    ...field('plan', `${shortHash(planHash)}: ${action ?? 'unknown'}`, options),
    ...(expiresAt === undefined ? [] : field('expires', expiresAt.replace(/\.\d+Z$/, 'Z'), options)),
    ...(diff === undefined ? [] : ['', paintDiff(diff, paint)]),
  ]
  return `${lines.join('\n')}\n`
}

export const approveCommand = subcommand(
  {
    name: 'approve',
    synopsis: '(NAME | TYPE/NAME) [options]',
    text:
      'Shows the plan that a Remediation proposes under a policy of mode Approve and, after asking, approves it in ' +
      'your name. The approval covers only this plan and one attempt. NAME is the name of the Remediation; ' +
      'TYPE/NAME may also name the workload. You need the verb approve on remediations: ClusterRole ' +
      'podmend-approver grants it.',
    examples: [
      'kubectl mend approve coredns-image-5f0c2d1e -n kube-system',
      'kubectl mend approve deploy/coredns -n kube-system --reason "INC-1234"',
      'kubectl mend approve coredns-image-5f0c2d1e -n kube-system --plan 3f9a12bc44de',
    ],
  },
  DECISION_OPTIONS,
  (parsed, terminal) => decideOnPlan('Approved', parsed, terminal),
)

export const denyCommand = subcommand(
  {
    name: 'deny',
    synopsis: '(NAME | TYPE/NAME) [options]',
    text:
      'Shows the plan that a Remediation proposes under a policy of mode Approve and, after asking, denies it in ' +
      'your name: the Remediation ends as Cancelled, and this plan is not proposed again until it changes or the ' +
      'Remediation is deleted. You need the verb approve on remediations, as for approving.',
    examples: ['kubectl mend deny coredns-image-5f0c2d1e -n kube-system --reason "the project comes back at noon"'],
  },
  DECISION_OPTIONS,
  (parsed, terminal) => decideOnPlan('Denied', parsed, terminal),
)
