import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { JsonSchema } from '../../src/api/crd.ts'
import { customResourceDefinitions } from '../../src/api/kinds.ts'
import { admitPolicy } from '../../src/api/policy/compile.ts'
import { policySpec } from '../../src/api/policy/policy.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { type BadPolicy, REFUSED_BY_ADMISSION, REFUSED_BY_SERVER } from './bad-policies.ts'
import { BORDERLINE } from './borderline-policies.ts'
import { boundRows } from './bounds.ts'
import { edited, FULL, SMALL } from './edited.ts'
import { manifests, refusals, type RefusedField, ROOT, withCrds } from './manifests.ts'

const PATH = '/apis/podmend.io/v1alpha1/remediationpolicies'
const DRY = { query: { dryRun: 'All' } }

const cluster = useControlPlane()
let client: KubeClient
const tried = (policy: object): Promise<readonly RefusedField[]> => refusals(client.create(PATH, policy, DRY))
const schema = customResourceDefinitions()[0]?.spec.versions[0]?.schema.openAPIV3Schema as JsonSchema

beforeAll(async () => {
  client = await withCrds(cluster)
})

const rulesOf = (node: JsonSchema): readonly string[] => [
  ...(node['x-kubernetes-validations'] ?? []).map(({ message }) => message),
  ...Object.values(node.properties ?? {}).flatMap(rulesOf),
  ...(node.items ? rulesOf(node.items) : []),
]

describe('the API server', () => {
  it.each([SMALL, FULL])('accepts a policy with what it needs, and one with all there is', async (policy) => {
    expect(await tried(policy)).toEqual([])
  })

  it('fills in the defaults that admission fills in', async () => {
    const { spec } = await client.create<{ spec: unknown }>(PATH, SMALL, DRY)
    const admission = admitPolicy(SMALL)
    expect(admission.ok && admission.policy.spec).toEqual(spec)
  })

  const hit = new Set<string>()
  it.each(REFUSED_BY_SERVER)('refuses a policy $name', async ({ edits, field, says }: BadPolicy) => {
    const refused = await tried(edited(FULL, edits))
    for (const { message } of refused) hit.add(message)
    // A rule of the whole object cannot point into metadata, so it says the name itself.
    const there = refused.filter((one) => one.field === field || one.message.includes(field))
    expect(there, JSON.stringify(refused)).not.toEqual([])
    expect(there.map(({ message }) => message).join('\n')).toContain(says)
  })

  it('has no rule that none of these policies breaks', () => {
    const messages = [...hit]
    const rules = new Set(rulesOf(schema))
    expect(rules.size).toBeGreaterThan(35)
    expect([...rules].filter((rule) => !messages.some((message) => message.includes(rule)))).toEqual([])
  })

  it.each(boundRows(schema.properties?.['spec'] ?? {}, 'spec'))('refuses $name', async ({ edits }) => {
    const policy = edited(FULL, edits)
    expect(await tried(policy)).not.toEqual([])
    expect(admitPolicy(policy).ok).toBe(false)
  })

  it.each(BORDERLINE)('says the same as admission of $name', async ({ edits }) => {
    const policy = edited(FULL, edits)
    const accepted = (await tried(policy)).length === 0
    expect(policySpec.safeParse(policy.spec).success).toBe(accepted)
  })

  it.each(REFUSED_BY_ADMISSION)('cannot see what is wrong with a policy $name, admission does', async (row) => {
    const policy = edited(FULL, row.edits)
    expect(await tried(policy)).toEqual([])
    const admission = admitPolicy(policy)
    const sentences = admission.ok ? '' : admission.sentences.join('\n')
    expect(sentences).toContain(row.field)
    expect(sentences).toContain(row.says)
  })
})

/** The policy that a document of ours shows, as a reader would copy it. */
const shownIn = async (path: string): Promise<object> => {
  const block = /```yaml\n(apiVersion: podmend[\s\S]*?)```/.exec(await readFile(join(ROOT, path), 'utf8'))
  return parse(block?.[1] ?? '') as object
}

describe('the reference', () => {
  it('shows a policy that can be applied as it stands', async () => {
    const policy = await shownIn('docs/policies.md')
    expect(await tried(policy)).toEqual([])
    expect(admitPolicy(policy)).toMatchObject({ ok: true })
  })
})

describe('every example', async () => {
  const examples = (await manifests('examples')).map(({ name, text }) => ({
    name,
    text,
    policy: parse(text) as object,
  }))

  it('is there for an incident or a habit', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5)
  })

  it.each(examples)('is accepted by the API server: $name', async ({ text }) => {
    expect(await cluster.applyYaml(text)).toContain('created')
  })

  it.each(examples)('is valid, and only observes by default: $name', ({ policy }) => {
    const admission = admitPolicy(policy)
    expect(admission.ok ? [] : admission.sentences).toEqual([])
    expect(admission.ok && admission.policy.spec.mode).toBe('Observe')
  })

  it.each(examples)("begins with the user's problem: $name", ({ text }) => {
    expect(text.split('\n').findIndex((line) => !line.startsWith('#'))).toBeGreaterThanOrEqual(3)
  })
})
