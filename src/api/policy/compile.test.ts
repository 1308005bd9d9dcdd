import { describe, expect, it } from 'vitest'
import { REFUSED_BY_ADMISSION, REFUSED_BY_SERVER } from '../../../test/api/bad-policies.ts'
import { edited, FULL, SMALL } from '../../../test/api/edited.ts'
import { type Admission, admitPolicy, type AdmittedPolicy } from './compile.ts'

const admitted = (given: unknown): { policy: AdmittedPolicy; warnings: readonly string[] } => {
  const admission = admitPolicy(given)
  if (!admission.ok) throw new Error(admission.sentences.join('\n'))
  return admission
}

const said = (admission: Admission): readonly string[] => (admission.ok ? [] : admission.sentences)

const withRules = (...rules: readonly object[]) =>
  admitted(edited(FULL, { 'spec.match.images': undefined, 'spec.actions.0.rewriteImage.rules': rules })).policy.matches
    .rewrite

describe('admitting a policy', () => {
  it('fills in every default of the smallest policy', () => {
    expect(admitted(SMALL).policy.spec).toEqual({
      mode: 'Observe',
      suspend: false,
      priority: 0,
      match: { causes: ['BackOffOnly'], failingFor: '30s' },
      actions: [{ type: 'RecyclePod', timeout: '5m' }],
      onIneffective: 'Keep',
      managedWorkloads: 'Hold',
      controlPlaneNodes: 'Hold',
      approvalTimeout: '24h',
      limits: { cooldown: '10m', maxAttempts: 3, maxConcurrent: 1, maxPerHour: 10, maxUnhealthyNodes: '30%' },
    })
  })

  it('carries what the server knows of the object', () => {
    const metadata = { name: 'x', uid: 'u', generation: 3, creationTimestamp: '2030-01-01T00:00:00Z' }
    const { name, uid, generation, createdAt } = admitted({ ...FULL, metadata }).policy
    expect({ name, uid, generation, createdAt }).toEqual({
      name: 'x',
      uid: 'u',
      generation: 3,
      createdAt: Date.UTC(2030, 0),
    })
  })

  it.each([...REFUSED_BY_SERVER, ...REFUSED_BY_ADMISSION])('refuses a policy $name', ({ edits, field, says }) => {
    const sentences = said(admitPolicy(edited(FULL, edits)))
    expect(sentences.join('\n')).toContain(field)
    // Where the schema itself refuses, the server and admission each have words of their own.
    if (says !== 'string') expect(sentences.join('\n')).toContain(says)
  })

  it('refuses fields that it does not know, for one of them might narrow the match', () => {
    expect(said(admitPolicy(edited(SMALL, { 'spec.match.notOn': 'fridays' })))).toEqual([
      'spec.match has "notOn", which this version does not support: remove or correct it',
    ])
  })

  it('says what was probably meant by a misspelt name', () => {
    expect(said(admitPolicy(edited(SMALL, { 'spec.match.causes': ['manifestNotfound'] })))).toEqual([
      'spec.match.causes[0]: "manifestNotfound" is not a known value; did you mean ManifestNotFound?',
    ])
  })

  it.each([undefined, null, 7, 'x', [], {}, { spec: null }, { spec: { match: [] } }])(
    'says a sentence of %j',
    (given) => {
      expect(said(admitPolicy(given)).length).toBeGreaterThan(0)
    },
  )

  it('keeps its answer short, however much is wrong', () => {
    const causes = Array.from({ length: 64 }, (_, i) => `Cause${i}`)
    const sentences = said(admitPolicy(edited(SMALL, { 'spec.match.causes': causes })))
    expect(sentences).toHaveLength(21)
    expect(sentences.at(-1)).toBe('and 44 more')
  })
})

describe('what an admitted policy matches', () => {
  const { matches } = admitted(FULL).policy

  it('covers images by globs', () => {
    expect(matches.image('registry.example.com/old/a/b:1')).toBe(true)
    expect(matches.image('registry.example.com/older/a:1')).toBe(false)
    expect(admitted(SMALL).policy.matches.image('anything.example.com/x:1')).toBe(true)
  })

  it('includes and excludes messages, and takes empty patterns for none', () => {
    expect(matches.message('project x is gone')).toBe(false)
    expect(matches.message('project x not found')).toBe(true)
    expect(matches.message('project x not found: Rate Limit')).toBe(false)
    const empty = admitted(edited(SMALL, { 'spec.match.message': { include: '', exclude: '' } }))
    expect(empty.policy.matches.message('anything')).toBe(true)
  })
})

describe('rewriting by the rules of a policy', () => {
  it('tries the rules in order and normalises the result', () => {
    const { rewrite } = admitted(FULL).policy.matches
    expect(rewrite('registry.example.com/old/team/x:1')).toEqual({ to: 'registry.example.com/new/team/x:1' })
    expect(rewrite('docker.io/library/nginx:1')).toEqual({ to: 'mirror.example.com:5000/hub/nginx:1' })
    expect(rewrite('docker.io/grafana/grafana:1')).toBeUndefined()
    expect(withRules({ from: 'a.io/hub/', to: 'docker.io/' })('a.io/hub/nginx:1')).toEqual({
      to: 'docker.io/library/nginx:1',
    })
  })

  it('leaves alone what lies below the target already, so that it is not moved twice', () => {
    const rewrite = withRules({ from: 'a.io/', to: 'a.io/proxy/' })
    expect(rewrite('a.io/x:1')).toEqual({ to: 'a.io/proxy/x:1' })
    expect(rewrite('a.io/proxy/x:1')).toBeUndefined()
    expect(withRules({ from: 'a.io/b/c/', to: 'a.io/b/' })('a.io/b/c/x:1')).toEqual({ to: 'a.io/b/x:1' })
  })

  it('keeps a digest', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    expect(withRules({ from: 'a.io/b', to: 'a.io/c' })(`a.io/b@${digest}`)).toEqual({ to: `a.io/c@${digest}` })
  })

  it('says so when a result is no image', () => {
    expect(withRules({ pattern: '^a.io/(.*):.*$', replace: 'a.io/UPPER/$1' })('a.io/b:1')).toEqual({
      refused: expect.stringContaining('"UPPER" has upper-case letters') as unknown,
    })
  })

  it('says so when a pattern changes nothing', () => {
    expect(withRules({ pattern: '^(.*)$', replace: '$1' })('a.io/b:1')).toEqual({
      refused: 'spec.actions[0].rewriteImage.rules[0] maps a.io/b:1 to itself',
    })
  })

  it('refuses at run time the circle that no sample showed', () => {
    const rewrite = withRules({ pattern: 'one/x', replace: 'two/x' }, { pattern: 'two/x', replace: 'one/x' })
    expect(rewrite('a.io/one/x:1')).toEqual({ refused: expect.stringContaining('back and forth') as unknown })
  })
})

describe('warnings', () => {
  const warned = (edits: Record<string, unknown>): string => admitted(edited(FULL, edits)).warnings.join('\n')

  it.each([
    ['names a protected namespace', {}, 'spec.match.namespaces[0]: kube-system is protected'],
    [
      'enforces anywhere',
      { 'spec.match': { causes: ['Unauthorized'] } },
      'matches every pod outside the protected namespaces',
    ],
    [
      'enforces rewriting without saying which images',
      { 'spec.match.images': undefined, 'spec.actions.0.rewriteImage.rules': undefined },
      'says which images may be rewritten',
    ],
    [
      'never asks the registry',
      { 'spec.actions.0.rewriteImage.verify': 'Never', 'spec.actions.0.rewriteImage.suggestions': 'Ignore' },
      'Never writes images that may not exist',
    ],
    ['answers to Unknown', { 'spec.match.causes': ['Unauthorized', 'Unknown'] }, 'failures whose cause is not known'],
    [
      'has one rule of several for other images',
      { 'spec.match.images': ['docker.io/*'] },
      'spec.actions[0].rewriteImage.rules[0] applies to images below "registry.example.com/old/"',
    ],
  ])('are given when a policy %s', (_, edits, says) => {
    expect(warned(edits)).toContain(says)
  })

  it('are few while a policy only looks', () => {
    expect(warned({ 'spec.mode': 'Observe', 'spec.match': { causes: ['Unauthorized'] } })).toBe('')
  })
})
