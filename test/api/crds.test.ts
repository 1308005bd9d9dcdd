import { beforeAll, describe, expect, it } from 'vitest'
import type { JsonSchema } from '../../src/api/crd.ts'
import { customResourceDefinitions } from '../../src/api/kinds.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { Condition } from '../../src/model/kubernetes.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { edited, SMALL } from './edited.ts'
import { manifests, refusals, ROOT, withCrds } from './manifests.ts'

const cluster = useControlPlane()
let client: KubeClient
const OPENAPI = '/openapi/v3/apis/podmend.io/v1alpha1'
interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}
/** The schemas of both kinds as kubectl explain reads them; they are published some time after the CRDs are served. */
const published = async (): Promise<readonly (readonly [string, JsonSchema])[]> => {
  const { components } = await client.get<OpenApi>(OPENAPI)
  const kinds = Object.entries(components.schemas).filter(([name]) => /podmend.*\.Remediation(Policy)?$/.test(name))
  if (kinds.length !== 2) throw new Error('not published yet')
  return kinds
}

beforeAll(async () => {
  client = await withCrds(cluster)
  await eventually(published, { timeoutMs: 60_000 })
})

const GROUP = '/apis/podmend.io/v1alpha1'
const REMEDIATIONS = `${GROUP}/namespaces/default/remediations`
const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web', uid: 'u-1' }

const remediation = (name: string, policy = 'moved') => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'Remediation',
  metadata: { name, namespace: 'default' },
  spec: { policy: { name: policy, uid: 'p-1', generation: 1 }, cause: 'ProjectNotFound', target, templateHash: 'abc' },
})

const HASH = 'abcdef0123456789'
/** A Remediation that proposes a plan, as the controller leaves it. */
const proposed = async (name: string, policy?: string): Promise<void> => {
  await client.create(REMEDIATIONS, remediation(name, policy))
  const status = {
    phase: 'AwaitingApproval',
    reason: 'AwaitingApproval',
    cause: 'ManifestNotFound',
    action: 'RewriteImage',
    message: 'Waits for a person.',
    planHash: HASH,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  }
  await client.patch(`${REMEDIATIONS}/${name}/status`, { status }, { type: 'merge' })
}
const change = (name: string, spec: object) =>
  refusals(client.patch(`${REMEDIATIONS}/${name}`, { spec }, { type: 'merge' }))

describe('the CRDs', () => {
  it.each(customResourceDefinitions())('are established and structural: $metadata.name', async ({ metadata }) => {
    const crd = await client.get<{ status: { conditions: readonly Condition[] } }>(
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`,
    )
    const conditions = crd.status.conditions.map(({ type, status }) => `${type}=${status}`)
    expect(conditions.toSorted()).toEqual(['Established=True', 'NamesAccepted=True'])
  })

  it.each([
    ['rempol', 'RemediationPolicy'],
    ['rem', 'Remediation'],
  ] as const)('explain every field of %s', async (shortName, kind) => {
    const text = await eventually(() => cluster.kubectl(['explain', shortName, '--recursive']))
    const schema = customResourceDefinitions().find(({ spec }) => spec.names.kind === kind)?.spec.versions[0]?.schema
    const names = new Set<string>()
    const walk = (node: JsonSchema): void => {
      for (const [name, field] of Object.entries(node.properties ?? {})) {
        names.add(name)
        walk(field)
      }
      if (node.items) walk(node.items)
    }
    walk(schema?.openAPIV3Schema as JsonSchema)
    expect([...names].filter((name) => !text.includes(name))).toEqual([])
  })

  it('explain in sentences', async () => {
    const text = await cluster.kubectl(['explain', 'rempol.spec.actions.rewriteImage'])
    expect(text).toContain('Whether the registry must confirm that the new image exists for')
    expect(text).toContain('Rewrites, tried in order')
  })

  it('publish a description for every field', async () => {
    const bare: string[] = []
    const walk = (node: JsonSchema, path: string): void => {
      for (const [name, field] of Object.entries(node.properties ?? {})) {
        if (!field.description && name !== 'metadata') bare.push(`${path}.${name}`)
        walk(field, `${path}.${name}`)
      }
      if (node.items) walk(node.items, `${path}[]`)
    }
    for (const [name, schema] of await published()) walk(schema, name)
    expect(bare).toEqual([])
  })
})

describe('kubectl get', () => {
  it('shows the columns of a policy', async () => {
    await client.create(`${GROUP}/remediationpolicies`, edited(SMALL, { 'metadata.name': 'told' }))
    const status = {
      active: 1,
      succeeded: 2,
      held: 3,
      lastActionTime: new Date().toISOString(),
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Understood',
          message: 'ok',
          lastTransitionTime: new Date().toISOString(),
        },
      ],
    }
    await client.patch(`${GROUP}/remediationpolicies/told/status`, { status }, { type: 'merge' })
    const [head, row] = (await cluster.kubectl(['get', 'rempol', 'told'])).split('\n')
    expect(head?.trim().split(/\s{2,}/)).toEqual([
      'NAME',
      'MODE',
      'READY',
      'ACTIVE',
      'SUCCEEDED',
      'HELD',
      'LAST ACTION',
      'AGE',
    ])
    expect(
      row
        ?.trim()
        .split(/\s{2,}/)
        .slice(0, 6),
    ).toEqual(['told', 'Observe', 'True', '1', '2', '3'])
    expect(await cluster.kubectl(['get', 'rempol', 'told', '-o', 'wide'])).toContain('["BackOffOnly"]')
  })

  it('shows the columns of a remediation', async () => {
    await proposed('told')
    const [head, row] = (await cluster.kubectl(['get', 'rem', 'told'])).split('\n')
    expect(head?.trim().split(/\s{2,}/)).toEqual([
      'NAME',
      'CAUSE',
      'KIND',
      'TARGET',
      'ACTION',
      'PHASE',
      'REASON',
      'AGE',
    ])
    expect(
      row
        ?.trim()
        .split(/\s{2,}/)
        .slice(0, 7),
    ).toEqual(['told', 'ManifestNotFound', 'Deployment', 'web', 'RewriteImage', 'AwaitingApproval', 'AwaitingApproval'])
    const wide = await cluster.kubectl(['get', 'rem', 'told', '-o', 'wide'])
    expect(wide).toContain('Waits for a person.')
    expect(wide).toMatch(/UNTIL +MESSAGE +POLICY +NODE/)
    expect(wide).toMatch(/AwaitingApproval +\d{4}-\d\d-\d\dT\S+Z +Waits for a person\./)
  })

  it('shows the whole category', async () => {
    expect(await cluster.kubectl(['get', 'podmend', '-A', '-o', 'name'])).toContain('remediation.podmend.io/told')
  })
})

describe('field selectors', () => {
  it.each([
    ['spec.policy.name', 'other', ['selected']],
    ['spec.cause', 'Unauthorized', []],
    ['status.phase', 'Held', []],
  ])('choose remediations by %s=%s', async (field, value, expected) => {
    if (field === 'spec.policy.name') await proposed('selected', 'other')
    const { items } = await client.list<{ metadata: { name: string } }>(REMEDIATIONS, {
      fieldSelector: `${field}=${value}`,
    })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(expected)
    const all = await client.list(REMEDIATIONS, { fieldSelector: `${field}!=${value}` })
    expect(all.items.length).toBeGreaterThan(0)
  })

  it('choose policies by mode', async () => {
    const { items } = await client.list(`${GROUP}/remediationpolicies`, { fieldSelector: 'spec.mode=Enforce' })
    expect(items).toEqual([])
  })
})

describe('the record of a remediation', () => {
  beforeAll(() => proposed('record'))

  it.each([
    ['policy', { policy: { name: 'other' } }],
    ['cause', { cause: 'Unauthorized' }],
    ['message', { message: 'added' }],
    ['target', { target: { name: 'other' } }],
    ['templateHash', { templateHash: 'def' }],
    ['pod', { pod: target }],
    ['node', { node: 'n' }],
    ['evidence', { evidence: [{ fact: 'Event', message: 'x' }] }],
  ])('keeps %s as it was seen', async (field, spec) => {
    expect(await change('record', spec)).toEqual([
      {
        field: `spec.${field}`,
        message: expect.stringContaining(`${field} is immutable: a Remediation records`) as unknown,
      },
    ])
  })

  it('keeps what could be removed', async () => {
    const full = remediation('removed')
    await client.create(REMEDIATIONS, { ...full, spec: { ...full.spec, node: 'n', message: 'm' } })
    expect((await change('removed', { node: null })).map(({ field }) => field)).toEqual(['spec.node'])
  })

  it('cannot be made with an approval, which no plan would stand behind', async () => {
    const made = edited(remediation('hasty'), { 'spec.approval': { decision: 'Approved', planHash: HASH, by: 'me' } })
    expect(await refusals(client.create(REMEDIATIONS, made))).toEqual([
      { field: 'spec.approval', message: expect.stringContaining('once a plan is proposed') as unknown },
    ])
  })

  it.each([
    [{ decision: 'Yes', planHash: HASH, by: 'me' }, 'spec.approval.decision', 'Approved'],
    [
      { decision: 'Approved', planHash: 'the first', by: 'me' },
      'spec.approval.planHash',
      'copied from status.planHash',
    ],
    [{ decision: 'Approved', planHash: HASH, by: '' }, 'spec.approval.by', '1'],
    [
      { decision: 'Approved', planHash: HASH.replace('a', 'b'), by: 'me' },
      'spec.approval.planHash',
      'is not the current plan',
    ],
    [{ decision: 'Approved', by: 'me' }, 'spec.approval.planHash', ''],
  ])('takes no approval such as %j', async (approval, field, says) => {
    const refused = await change('record', { approval })
    expect(
      refused
        .filter((one) => one.field === field)
        .map(({ message }) => message)
        .join('\n'),
    ).toContain(says)
    expect(refused).not.toEqual([])
  })

  it('rejects an approval while none is requested', async () => {
    await proposed('unasked')
    await client.patch(`${REMEDIATIONS}/unasked/status`, { status: { expiresAt: null } }, { type: 'merge' })
    expect(await change('unasked', { approval: { decision: 'Approved', planHash: HASH, by: 'me' } })).toEqual([
      { field: 'spec.approval', message: expect.stringContaining('while approval is requested') as unknown },
    ])
  })

  it('takes one approval of the plan proposed, which stands', async () => {
    expect(await change('record', { approval: { decision: 'Approved', planHash: HASH, by: 'me' } })).toEqual([])
    const kept = [
      { field: 'spec.approval', message: expect.stringContaining('cannot be changed or withdrawn') as unknown },
    ]
    expect(await change('record', { approval: { decision: 'Denied' } })).toEqual(kept)
    expect(await change('record', { approval: { reason: 'added' } })).toEqual(kept)
    expect(await change('record', { approval: null })).toEqual(kept)
  })

  it('takes another approval when another plan is proposed', async () => {
    const moved = client.patch(`${REMEDIATIONS}/record/status`, { status: { planHash: 'ffff0000' } }, { type: 'merge' })
    expect(await refusals(moved)).toEqual([])
    expect(await change('record', { approval: { planHash: 'eeee0000' } })).toEqual([
      { field: 'spec.approval.planHash', message: expect.stringContaining('is not the current plan') as unknown },
    ])
    expect((await change('record', { approval: null })).map(({ field }) => field)).toEqual(['spec.approval'])
    expect(await change('record', { approval: { decision: 'Denied', planHash: 'ffff0000' } })).toEqual([])
  })

  it('still takes its status, and other changes, when the plan moves on after the approval', async () => {
    const moved = client.patch(
      `${REMEDIATIONS}/record/status`,
      { status: { planHash: 'aaaa0000', phase: 'Held', expiresAt: null } },
      { type: 'merge' },
    )
    expect(await refusals(moved)).toEqual([])
    const labelled = client.patch(`${REMEDIATIONS}/record`, { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
    expect(await refusals(labelled)).toEqual([])
  })
})

describe('the roles', () => {
  it('are accepted as they stand', async () => {
    // The bindings after what they bind, and after their namespace.
    const all = (await manifests('manifests')).toSorted((a, b) => b.name.localeCompare(a.name))
    for (const { text } of all) await cluster.applyYaml(text)
    expect(await cluster.kubectl(['get', 'clusterrole', '-o', 'name'])).toContain('podmend-observe')
  })

  it('let the controller read what it needs, and write nothing', async () => {
    const as = '--as=system:serviceaccount:podmend-system:podmend-controller'
    const can = (...args: readonly string[]): Promise<string> =>
      cluster
        .kubectl(['auth', 'can-i', ...args, as])
        .catch((error: Error) => (/ended with 1: *$/.test(error.message) ? 'no' : error.message))
    await cluster.kubectl(['delete', '-f', `${ROOT}/manifests/allow-actions.yaml`])
    expect((await can('get', 'pods', '-A')).trim()).toBe('yes')
    expect((await can('delete', 'pods', '-A')).trim()).toBe('no')
    expect((await can('get', 'secrets', '-A')).trim()).toBe('no')
    expect((await can('patch', 'deployments.apps', '-A')).trim()).toBe('no')
  })
})
