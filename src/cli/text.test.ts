import { describe, expect, test } from 'vitest'
import { type Explanation, explanationText } from './explain/explain.ts'
import { describePods } from './explain/subject.ts'
import type { DecisionReport, IncidentReport } from './incident/report.ts'
import { describeDecision } from './incident/text.ts'
import { simulationText } from './simulate/text.ts'
import { wrap } from './subcommand.ts'
import { createPaint, formatData, paintDiff } from './terminal.ts'

const now = Date.parse('2030-01-01T00:10:00Z')
const paint = createPaint(false)
const options = { paint, now, wide: false }

const incident = (more: Partial<IncidentReport> = {}): IncidentReport => ({
  target: { kind: 'Deployment', namespace: 'shop', name: 'web' },
  area: 'image',
  cause: 'ProjectNotFound',
  since: '2030-01-01T00:00:00.000Z',
  pods: Array.from({ length: 7 }, (_, i) => ({ name: `web-${i}`, node: 'node-1' })),
  findings: [
    { container: 'web', image: 'a.io/b/web:1', cause: 'ProjectNotFound', source: 'kubelet', message: 'm'.repeat(400) },
  ],
  evidence: [{ fact: 'Owner', message: 'the pods belong to Deployment shop/web' }],
  explanations: [],
  decision: { verdict: 'Act', policy: 'moved', action: 'RewriteImage', diff: '--- a\n+++ b\n- image: x\n+ image: y' },
  mode: 'Enforce',
  permanentFix: 'Change the chart.',
  records: [{ name: 'web-image-1', phase: 'Held', reason: 'CoolingDown', message: 'wait' }],
  ...more,
})

const explanation = (more: Partial<Explanation> = {}): Explanation => ({
  subject: { kind: 'Pod', namespace: 'shop', name: 'web-0' },
  state: 'Running, 1 of 1 containers ready',
  incidents: [incident()],
  records: [],
  notes: [],
  missingRights: [],
  ...more,
})

describe('an explanation', () => {
  test('tells cause, time, pods, evidence, decision, cure and change', () => {
    const text = explanationText(explanation(), options)
    expect(text.split('\n')[0]).toBe('Deployment shop/web fails: ProjectNotFound')
    expect(text).toMatch(/^since +10m \(2030-01-01T00:00:00Z\)$/m)
    expect(text).toMatch(/web-4 on node-1\s+and 2 more/)
    expect(text).toMatch(/^Owner +the pods belong to Deployment shop\/web$/m)
    expect(text).toMatch(/^decision +policy moved acts: RewriteImage$/m)
    expect(text).toMatch(/^permanent fix +Change the chart\.$/m)
    expect(text).toMatch(/^record +web-image-1: Held \(CoolingDown\), wait$/m)
    expect(text).toContain('\n- image: x\n+ image: y\n')
  })

  test('cuts long messages unless asked for all', () => {
    const longest = (text: string) => Math.max(...(text.match(/m{20,}/g) ?? ['']).map((run) => run.length))
    expect(longest(explanationText(explanation(), options))).toBe(299)
    expect(longest(explanationText(explanation(), { ...options, wide: true }))).toBe(400)
  })

  test('ends with what was assumed and which rights are missing', () => {
    const missingRights = [
      { verb: 'get', resource: 'secrets', namespace: 'shop' },
      { verb: 'list', resource: 'remediationpolicies.podmend.io' },
    ]
    const text = explanationText(explanation({ notes: ['assumed'], missingRights }), options)
    expect(text).toMatch(
      /note +assumed\nmissing +the right to get secrets in namespace shop\nmissing +the right to list remediationpolicies\.podmend\.io in the whole cluster\n$/,
    )
  })

  test('of what does not fail names its records', () => {
    const records = [{ name: 'web-image-1', phase: 'Succeeded', reason: 'Repaired', since: '2030-01-01T00:09:00Z' }]
    const text = explanationText(explanation({ incidents: [], records }), options)
    expect(text).toMatch(/^Pod shop\/web-0 is not failing: Running/)
    expect(text).toMatch(/record +web-image-1: Succeeded \(Repaired\), created 1m /)
  })
})

test.each<readonly [string, DecisionReport, string]>([
  ['an act', { verdict: 'Act', policy: 'p', action: 'RecyclePod' }, 'policy p acts: RecyclePod'],
  [
    'a guardrail',
    { verdict: 'Hold', policy: 'p', reason: 'OptedOut', message: 'the pod opted out' },
    'policy p holds: OptedOut, the pod opted out',
  ],
  [
    'a proof',
    { verdict: 'Verify', reason: 'Verifying', message: 'Waiting: 1 of 2' },
    'remediation in progress: Waiting: 1 of 2',
  ],
  ['nothing', { verdict: 'Ignore', message: 'no policy matches' }, 'no action: no policy matches'],
  [
    'what nobody knows',
    { verdict: 'Unknown', message: 'the policies cannot be read' },
    'unknown: the policies cannot be read',
  ],
])('%s is said in one line', (_, decision, expected) => {
  expect(describeDecision(decision, paint)).toBe(expected)
})

describe('a simulation', () => {
  const held: DecisionReport = { verdict: 'Hold', policy: 'p', reason: 'ObserveOnly', message: 'observes' }
  test.each<readonly [string, Partial<IncidentReport>, string, string]>([
    ['that would act', {}, 'policy moved would act: RewriteImage', '1 would be remediated, 0 more in mode Enforce'],
    [
      'that would observe',
      { decision: held, ifEnforced: { verdict: 'Act', action: 'RewriteImage' } },
      'would observe; in mode Enforce it would act: RewriteImage',
      '0 would be remediated, 1 more in mode Enforce',
    ],
    [
      'that would be held even so',
      { decision: held, ifEnforced: { verdict: 'Hold', reason: 'ManagedElsewhere', message: 'Flux' } },
      'in mode Enforce it would hold: ManagedElsewhere, Flux',
      '1 held',
    ],
    [
      'that is held',
      { decision: { ...held, reason: 'BudgetSpent', message: 'one runs' } },
      'policy p would hold: BudgetSpent, one runs',
      '1 held',
    ],
    [
      'that is ignored',
      { decision: { verdict: 'Ignore', message: 'no policy' } },
      'no action: no policy',
      '1 without action',
    ],
    [
      'that nobody knows',
      { decision: { verdict: 'Unknown', message: 'the policies cannot be read' } },
      'unknown: the policies cannot be read',
      '0 without action, 1 unknown',
    ],
  ])('%s', (_, more, fate, count) => {
    const text = simulationText(
      { policies: [], others: ['b'], incidents: [incident(more)], notes: [], missingRights: [] },
      options,
    )
    expect(text).toContain(fate)
    expect(text).toContain(count)
    expect(text).toContain('Nothing was written.')
  })

  test('of a healthy cluster says so, and names bad policies', () => {
    const policies = [{ name: 'p', at: 'f:1', ok: false, sentences: ['spec.match: missing'], warnings: [] }]
    const text = simulationText({ policies, others: [], incidents: [], notes: [], missingRights: [] }, options)
    expect(text).toMatch(/^policy p \(f:1\) is invalid\n +spec\.match: missing\n/)
    expect(text).toContain('Nothing fails here')
  })
})

test('data is JSON or YAML, and text otherwise', () => {
  const shared = { a: 1 }
  expect(formatData({ x: shared, y: shared }, 'yaml')).toBe('x:\n  a: 1\ny:\n  a: 1\n')
  expect(formatData(shared, 'json')).toBe('{\n  "a": 1\n}\n')
  expect([formatData(shared, 'wide'), formatData(shared, undefined)]).toEqual([undefined, undefined])
})

test('a diff is coloured on a terminal only', () => {
  const diff = '--- a\n+++ b\n@@ x @@\n- old\n+ new'
  expect(paintDiff(diff, paint)).toBe(diff)
  expect(paintDiff(diff, createPaint(true))).toContain('\u001b[31m- old\u001b[39m\n\u001b[32m+ new\u001b[39m')
})

test('words longer than a line stand alone', () => {
  expect(wrap(`a ${'x'.repeat(20)} b c`, 10)).toEqual(['a', 'x'.repeat(20), 'b c'])
})

test('a pod without a node is told from one that runs', () => {
  const metadata = { name: 'a', uid: 'u', resourceVersion: '1' }
  expect(describePods([])).toBe('no pods')
  expect(describePods([{ metadata, status: { phase: 'Pending' } }])).toMatch(/^Pending, 0 of 0 .*not scheduled yet/)
  expect(
    describePods([
      {
        metadata,
        spec: { nodeName: 'n' },
        status: { phase: 'Running', containerStatuses: [{ name: 'c', ready: true }] },
      },
    ]),
  ).toBe('Running, 1 of 1 containers ready')
})
