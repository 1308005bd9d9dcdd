import { describe, expect, it } from 'vitest'
import type { Remediation } from '../src/api/kinds.ts'
import type { RemediationStatus } from '../src/api/remediation.ts'
import type { Workload } from '../src/model/kubernetes.ts'
import type { Write } from '../testbed/audit.ts'
import { type Outcome, problemsIn } from './verify.ts'

const workload = (name: string, image: string, generation = 1, resourceVersion = '10'): Workload => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, generation, resourceVersion },
  spec: { replicas: 1, template: { spec: { containers: [{ name: 'main', image }] } } },
  status: { readyReplicas: image === 'new:1' ? 1 : 0 },
})

const record = (name: string, status: RemediationStatus): Remediation => {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name, uid: `uid-${name}` }
  return {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name: `${name}-image`, namespace: 'default', uid: 'r', resourceVersion: '1' },
    spec: { policy: { name: 'p', uid: 'p', generation: 1 }, cause: 'ProjectNotFound', target, templateHash: 'h' },
    status,
  }
}

const THE_PATCH: Write = {
  verb: 'patch',
  resource: 'deployments.apps',
  object: 'default/dns',
  dryRun: false,
  status: 200,
}
const RECORDS = [record('dns', { phase: 'Succeeded' }), record('alike', { phase: 'Held', reason: 'ManagedElsewhere' })]

const GOOD: Outcome = {
  repaired: [{ place: 'default/dns', image: 'old:1', becomes: 'new:1', reason: 'Repaired', why: '' }],
  leftAlone: [{ place: 'default/alike', image: 'old:2', reason: 'ManagedElsewhere', why: '' }],
  before: [workload('dns', 'old:1'), workload('alike', 'old:2'), workload('other', 'else:1')],
  after: [workload('dns', 'new:1', 2, '20'), workload('alike', 'old:2'), workload('other', 'else:1')],
  records: RECORDS,
  writes: [{ ...THE_PATCH, dryRun: true }, THE_PATCH, { ...THE_PATCH, resource: 'events', object: 'default/e' }],
}

const afterWith = (...changed: Workload[]): Workload[] =>
  GOOD.after.map((each) => changed.find(({ metadata }) => metadata.name === each.metadata.name) ?? each)

const ROWS: readonly (readonly [string, Partial<Outcome>, string])[] = [
  [
    'the image was not changed',
    { after: GOOD.before },
    'the spec of default/dns is not the spec before with image new:1',
  ],
  [
    'more than the image was changed',
    { after: afterWith({ ...workload('dns', 'new:1', 2), spec: { replicas: 2 } }) },
    'the spec of default/dns is not the spec before with image new:1',
  ],
  ['it was written to twice', { after: afterWith(workload('dns', 'new:1', 3)) }, 'default/dns was changed 2 times'],
  [
    'no pod is ready',
    { after: afterWith({ ...workload('dns', 'new:1', 2), status: {} }) },
    'default/dns has no ready pod',
  ],
  ['it is gone', { after: GOOD.after.slice(1) }, 'default/dns is gone'],
  [
    'it is not verified',
    { records: [record('dns', { phase: 'Verifying' }), RECORDS[1]!] },
    'the record of default/dns is Verifying, not Succeeded',
  ],
  [
    'a look-alike was changed',
    { after: afterWith(workload('alike', 'new:2', 2)) },
    'default/alike must not change, but differs in generation, spec',
  ],
  [
    'a look-alike was changed and restored',
    { after: afterWith(workload('alike', 'old:2', 1, '11')) },
    'default/alike must not change, but differs in resourceVersion',
  ],
  ['another workload is gone', { after: GOOD.after.slice(0, 2) }, 'default/other is gone'],
  ['another workload was created', { after: [...GOOD.after, workload('more', 'm:1')] }, 'default/more is new'],
  [
    'no record says why it was not repaired',
    { records: RECORDS.slice(0, 1) },
    'no record says why default/alike is not repaired',
  ],
  [
    'it was not repaired for another reason',
    { records: [RECORDS[0]!, record('alike', { phase: 'Held', reason: 'BudgetSpent' })] },
    'the record of default/alike has reason BudgetSpent, not ManagedElsewhere',
  ],
  [
    'it was attempted',
    { records: [RECORDS[0]!, record('alike', { reason: 'ManagedElsewhere', attempts: ['2030-01-01T00:00:00Z'] })] },
    'a remedy was attempted on default/alike',
  ],
  [
    'it was explained otherwise',
    { leftAlone: GOOD.leftAlone.map((each) => ({ ...each, explained: { kind: 'LikelyTypo', image: 'old:3' } })) },
    'default/alike is explained by nothing, not by LikelyTypo old:3',
  ],
  [
    'one of two repairs is missing',
    { repaired: [...GOOD.repaired, { ...GOOD.repaired[0]!, place: 'default/other', image: 'else:1' }] },
    'default/other was patched 0 times, not once',
  ],
  ['the repair is not in the audit log', { writes: [] }, 'default/dns was patched 0 times, not once'],
  ['it was sent twice', { writes: [...GOOD.writes, THE_PATCH] }, 'default/dns was patched 2 times, not once'],
  [
    'a write to something else was refused only by RBAC',
    { writes: [...GOOD.writes, { ...THE_PATCH, verb: 'delete', resource: 'pods', status: 403 }] },
    'the controller sent delete pods default/dns (403)',
  ],
]

describe('the demo ends well', () => {
  it('if the incident is repaired and nothing else was changed', () => {
    expect(problemsIn(GOOD)).toEqual([])
  })

  it.each(ROWS)('not if %s', (_, different, problem) => {
    expect(problemsIn({ ...GOOD, ...different }).join('\n')).toContain(problem)
  })
})
