import { CAUSES } from '../../model/causes.ts'
import type { LabelSelector } from '../../model/kubernetes.ts'
import type { AdmittedPolicy } from './compile.ts'
import type { PolicySpec } from './policy.ts'
import { compatible, plainStart, sampleOf } from './rewrite-rules.ts'

/** Something that is wrong between policies, to be said on each of them. */
export interface Conflict {
  /** Names, in the order in which they matter. */
  readonly policies: readonly string[]
  readonly sentence: string
}

type Match = PolicySpec['match']

/** Precomputed data for comparing policies: every change compares each pair of possibly hundreds. */
interface Scope {
  /** A bit set of causes, 32 bits per number. */
  readonly causes: readonly [number, number, number]
  readonly namespaces: ReadonlySet<string> | undefined
  readonly images: readonly string[] | undefined
  /** Hosts that the rules rewrite; undefined where a pattern may apply to any. */
  readonly hosts: ReadonlySet<string> | undefined
  /** Images to try the rules with. */
  readonly samples: readonly string[]
}

const BIT = new Map(CAUSES.map((cause, i) => [cause as string, i]))

const causeBits = (causes: readonly string[]): Scope['causes'] => {
  const words: [number, number, number] = [0, 0, 0]
  for (const cause of causes) {
    const bit = BIT.get(cause) ?? 0
    const word = (bit >> 5) as 0 | 1 | 2
    words[word] |= 1 << (bit & 31)
  }
  return words
}

const hostOf = (path: string): string => path.split('/', 1)[0] ?? path

const SCOPES = new WeakMap<AdmittedPolicy, Scope>()

const scopeOf = (policy: AdmittedPolicy): Scope => {
  const known = SCOPES.get(policy)
  if (known) return known
  const { causes, namespaces, images } = policy.spec.match
  const scope: Scope = {
    causes: causeBits(causes),
    namespaces: namespaces && new Set(namespaces),
    images: images?.map(plainStart),
    hosts: policy.rules.some(({ prefix }) => !prefix)
      ? undefined
      : new Set(policy.rules.map(({ reach }) => hostOf(reach))),
    samples: policy.rules.flatMap((rule) => sampleOf(rule) ?? []),
  }
  SCOPES.set(policy, scope)
  return scope
}

const disjoint = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean =>
  a !== undefined && b !== undefined && a.isDisjointFrom(b)

const excludes = (a: LabelSelector | undefined, b: LabelSelector | undefined): boolean => {
  if (!a?.matchLabels || !b?.matchLabels) return false
  const other = b.matchLabels
  return Object.entries(a.matchLabels).some(([key, value]) => (other[key] ?? value) !== value)
}

/** Whether no pod can be in the scope of both, as far as that shows without a cluster. */
const apart = (a: AdmittedPolicy, b: AdmittedPolicy): boolean => {
  const [one, other]: [Match, Match] = [a.spec.match, b.spec.match]
  return (
    disjoint(scopeOf(a).namespaces, scopeOf(b).namespaces) ||
    excludes(one.namespaceSelector, other.namespaceSelector) ||
    excludes(one.podSelector, other.podSelector) ||
    excludes(one.nodeSelector, other.nodeSelector)
  )
}

const shareCause = ({ causes: a }: Scope, { causes: b }: Scope): boolean =>
  ((a[0] & b[0]) | (a[1] & b[1]) | (a[2] & b[2])) !== 0

const imagesApart = ({ images: a }: Scope, { images: b }: Scope): boolean =>
  a !== undefined && b !== undefined && !a.some((one) => b.some((other) => compatible(one, other)))

const meet = (a: AdmittedPolicy, b: AdmittedPolicy): boolean =>
  a.spec.priority === b.spec.priority &&
  shareCause(scopeOf(a), scopeOf(b)) &&
  !imagesApart(scopeOf(a), scopeOf(b)) &&
  !apart(a, b)

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ')

/** The first few that meet the i-th: more names would not fit into a sentence, nor be worth the search. */
const firstBefore = (ordered: readonly AdmittedPolicy[], i: number): readonly AdmittedPolicy[] => {
  const [policy, found]: [AdmittedPolicy | undefined, AdmittedPolicy[]] = [ordered[i], []]
  for (const other of policy ? ordered.slice(0, i) : []) {
    if (policy && meet(other, policy)) found.push(other)
    if (found.length > 3) break
  }
  return found
}

/**
 * Policies of equal priority that can answer the same failures: the first by name acts, which its owner may not have
 * meant. One entry a policy that gives way, with the one that acts first. Where scopes cannot meet, nothing is said.
 */
export const conflicts = (policies: readonly AdmittedPolicy[]): readonly Conflict[] => {
  const ordered = policies.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return ordered.flatMap((policy, i) => {
    const before = firstBefore(ordered, i)
    const [winner] = before
    if (!winner) return []
    const names = before.map(({ name }) => name)
    const { match, priority } = policy.spec
    const causes = match.causes.filter((cause) => winner.spec.match.causes.includes(cause)).slice(0, 3)
    const listed = `${quoted(names.slice(0, 3))}${names.length > 3 ? ` and more` : ''}`
    return [
      {
        policies: [winner.name, policy.name],
        sentence: `${JSON.stringify(policy.name)} and ${listed} have priority ${priority} and can match the same failures (${causes.join(', ')}); ${JSON.stringify(winner.name)} acts on those it can repair, because its name sorts first: change the priority of one, or narrow its match`,
      },
    ]
  })
}

/** Bounds the search where many policies rewrite much; what is found until then is reported. */
const MOST_REWRITES = 2_000
const LONGEST = 16

/** Policies that together lead an image back to where it was: A → B in one, B → A in another. */
export const findCircles = (policies: readonly AdmittedPolicy[]): readonly Conflict[] => {
  const rewriting = policies.filter(({ rules }) => rules.length > 0)
  const anywhere = rewriting.filter((policy) => !scopeOf(policy).hosts)
  const byHost = new Map<string, AdmittedPolicy[]>()
  for (const policy of rewriting) {
    for (const host of scopeOf(policy).hosts ?? []) byHost.set(host, [...(byHost.get(host) ?? []), policy])
  }
  const found = new Map<string, Conflict>()
  let rewrites = 0
  const follow = (image: string, images: readonly string[], path: readonly AdmittedPolicy[]): void => {
    for (const policy of [...(byHost.get(hostOf(image)) ?? []), ...anywhere]) {
      if (path.length >= LONGEST || path.some((other) => apart(other, policy))) continue
      if (++rewrites > MOST_REWRITES) return
      const made = policy.matches.image(image) ? policy.matches.rewrite(image) : undefined
      if (made === undefined || !('to' in made)) continue
      const at = images.indexOf(made.to)
      if (at < 0) {
        follow(made.to, [...images, made.to], [...path, policy])
        continue
      }
      const names = [...new Set([...path.slice(at), policy].map(({ name }) => name))].toSorted()
      if (found.has(names.join())) continue
      found.set(names.join(), {
        policies: names,
        sentence: `policies ${quoted(names)} form a cycle: ${[...images.slice(at), made.to].join(' → ')}; narrow match.images of one, or remove a rule`,
      })
    }
  }
  const samples = new Set(rewriting.flatMap((policy) => scopeOf(policy).samples))
  for (const sample of samples) if (rewrites <= MOST_REWRITES) follow(sample, [sample], [])
  return [...found.values()]
}
