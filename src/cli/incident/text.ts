/** An incident as a person reads it: pure. */
import type { ExplanationKind } from '../../api/remediation.ts'
import { explainRow } from '../../catalogue/classify.ts'
import { formatDuration } from '../../model/duration.ts'
import { wrap } from '../subcommand.ts'
import { type Paint, paintDiff } from '../terminal.ts'
import type { DecisionReport, IncidentReport } from './report.ts'

export interface TextOptions {
  readonly paint: Paint
  readonly now: number
  /** Nothing is cut: `-o wide`. */
  readonly wide: boolean
}

const WIDTH = 98
const INDENT = 15
const MAX_MESSAGE = 300
const MAX_PODS = 5

/** A label with its text beside it, broken into lines. */
export const field = (label: string, text: string, { paint }: Pick<TextOptions, 'paint'>): readonly string[] =>
  wrap(text, WIDTH - INDENT).map((line, i) =>
    i === 0 ? `${paint.dim(label.padEnd(INDENT))}${line}` : `${' '.repeat(INDENT)}${line}`,
  )

const cut = (text: string, wide: boolean, max = MAX_MESSAGE): string =>
  wide || text.length <= max ? text : `${text.slice(0, max - 1)}…`

/** `3m (2030-01-01T00:00:00Z)`. */
export const ago = (time: string, now: number): string =>
  `${formatDuration(Math.max(0, now - Date.parse(time)))} (${time.replace(/\.\d+Z$/, 'Z')})`

export const nameOf = ({ target: { kind, namespace, name } }: Pick<IncidentReport, 'target'>): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

/** Which policy decides what, in one line: `policy moved acts: RewriteImage`. */
export const describeDecision = (decision: DecisionReport, paint: Paint): string => {
  const { verdict, policy, reason, message, action } = decision
  switch (verdict) {
    case 'Act':
      return `policy ${policy} ${paint.green('acts')}: ${action}`
    case 'Hold':
      return `policy ${policy} holds: ${paint.yellow(reason ?? '')}, ${message}`
    case 'Verify':
      return `remediation in progress: ${message}`
    case 'Ignore':
      return `no action: ${message}`
    case 'Unknown':
      return `${paint.yellow('unknown')}: ${message}`
  }
}

/** What a policy that only observes would do in mode Enforce. */
const describeIfEnforced = (decision: DecisionReport, paint: Paint): string =>
  decision.verdict === 'Act'
    ? `in mode Enforce it would ${paint.green('act')}: ${decision.action}`
    : `in mode Enforce it would hold: ${paint.yellow(decision.reason ?? '')}, ${decision.message}`

const podsText = ({ pods }: IncidentReport, wide: boolean): string => {
  const shown = wide ? pods : pods.slice(0, MAX_PODS)
  const more = pods.length - shown.length
  const names = shown.map(({ namespace, name, node }) =>
    namespace === undefined ? `${name}${node === undefined ? '' : ` on ${node}`}` : `${namespace}/${name}`,
  )
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const decisionLines = ({ decision, ifEnforced }: IncidentReport, options: TextOptions): readonly string[] => {
  const { paint, now } = options
  const { requeueAt } = decision
  const inMs = requeueAt === undefined ? 0 : Date.parse(requeueAt) - now
  return [
    ...field('decision', describeDecision(decision, paint), options),
    ...(ifEnforced ? field('', describeIfEnforced(ifEnforced, paint), options) : []),
    ...(inMs > 0 ? field('next check', `in ${formatDuration(inMs)} at the latest`, options) : []),
  ]
}

const EXPLANATION_LABELS: Readonly<Record<ExplanationKind, string>> = {
  LikelyTypo: 'likely a typo',
  WrongTag: 'wrong tag',
  MissingCredentials: 'missing credentials',
  WrongCredentials: 'wrong credentials',
  Undetermined: 'undetermined',
}

/** The likeliest reason in a line: `likely a typo: …`. */
export const describeExplanation = ({ kind, message }: IncidentReport['explanations'][number], paint: Paint): string =>
  `${paint.bold(EXPLANATION_LABELS[kind])}: ${message}`

const explanationLines = ({ explanations }: IncidentReport, options: TextOptions): readonly string[] =>
  explanations.flatMap((explanation, i) => [
    ...field(i === 0 ? 'why' : 'or', describeExplanation(explanation, options.paint), options),
    ...(explanation.image === undefined ? [] : field('did you mean', options.paint.green(explanation.image), options)),
  ])

const similarLines = ({ others = [] }: IncidentReport, options: TextOptions): readonly string[] => {
  if (others.length === 0) return []
  const shown = options.wide ? others : others.slice(0, MAX_PODS)
  const names = shown.map((target) => nameOf({ target }))
  const more = others.length > shown.length ? ` and ${others.length - shown.length} more` : ''
  const count = others.length === 1 ? '1 other fails' : `${others.length} others fail`
  return field('similar', `${count} the same way: ${names.join(', ')}${more}`, options)
}

/** Everything of one incident. */
export const incidentText = (report: IncidentReport, options: TextOptions): string => {
  const { paint, now, wide } = options
  const diff = report.ifEnforced?.diff ?? report.decision.diff
  const row = report.findings.map((finding) => finding.row).find((id) => id !== undefined)
  const meaning = row === undefined ? undefined : explainRow(row)?.explain
  const lines = [
    `${paint.bold(nameOf(report))} fails: ${paint.red(report.cause)}`,
    ...(report.since === undefined ? [] : field('since', ago(report.since, now), options)),
    ...(report.pods.length === 0 ? [] : field('pods', podsText(report, wide), options)),
    ...similarLines(report, options),
    ...report.findings.flatMap(({ container, image, message }) => [
      // A pod as a whole, or a node, fails: the title names it.
      ...(container === '' ? [] : field('container', [container, image].filter(Boolean).join('  '), options)),
      ...field('message', cut(message, wide), options),
    ]),
    ...(meaning === undefined ? [] : field('meaning', meaning, options)),
    ...explanationLines(report, options),
    '',
    ...report.evidence.flatMap(({ fact, message }) => field(fact, cut(message, wide), options)),
    '',
    ...decisionLines(report, options),
    ...(report.permanentFix === undefined ? [] : field('permanent fix', report.permanentFix, options)),
    ...report.records.flatMap(({ name, phase, reason, message }) =>
      field(
        'record',
        `${name}: ${phase}${reason === undefined ? '' : ` (${reason})`}${message === undefined ? '' : `, ${cut(message, wide)}`}`,
        options,
      ),
    ),
    ...(diff === undefined ? [] : ['', paintDiff(diff, paint)]),
  ]
  return `${lines.join('\n')}\n`
}
