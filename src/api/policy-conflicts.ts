import type { AdmittedPolicy } from './admitted-policy.ts'
import { compatible, plainStart } from './image-globs.ts'
import type { LabelSelector } from './kubernetes.ts'
import type { PolicySpec } from './policy.ts'
import { sampleOf } from './rewrite-rules.ts'

/** Something that is wrong between policies, to be said on each of them. */
export interface Conflict {
  /** Names, in the order in which they matter. */
  readonly policies: readonly string[]
  readonly sentence: string
}

type Match = PolicySpec['match']

const common = (a: readonly string[], b: readonly string[]): readonly string[] => {
  const other = new Set(b)
  return a.filter((one) => other.has(one))
}

const exclude = (a: LabelSelector | undefined, b: LabelSelector | undefined): boolean =>
  Object.entries(a?.matchLabels ?? {}).some(([key, value]) => (b?.matchLabels?.[key] ?? value) !== value)

/** Whether no pod can be in the scope of both, as far as that shows without a cluster. */
const apart = (a: Match, b: Match): boolean =>
  (a.namespaces !== undefined && b.namespaces !== undefined && common(a.namespaces, b.namespaces).length === 0) ||
  exclude(a.namespaceSelector, b.namespaceSelector) ||
  exclude(a.podSelector, b.podSelector) ||
  exclude(a.nodeSelector, b.nodeSelector)

const imagesApart = (a: Match, b: Match): boolean =>
  a.images !== undefined &&
  b.images !== undefined &&
  !a.images.some((one) => b.images?.some((other) => compatible(plainStart(one), plainStart(other))))

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ')

/**
 * Policies of equal priority that can answer the same failures: the first by name acts, which its owner may not have
 * meant. One entry a policy that gives way, naming those before it. Policies whose scopes cannot meet are not reported.
 */
export const conflicts = (policies: readonly AdmittedPolicy[]): readonly Conflict[] => {
  const ordered = policies.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return ordered.flatMap((policy, i) => {
    const { match, priority } = policy.spec
    const before = ordered
      .slice(0, i)
      .filter(
        ({ spec }) =>
          spec.priority === priority &&
          common(spec.match.causes, match.causes).length > 0 &&
          !apart(spec.match, match) &&
          !imagesApart(spec.match, match),
      )
    const [winner] = before
    if (!winner) return []
    const names = before.map(({ name }) => name)
    const causes = common(match.causes, winner.spec.match.causes).slice(0, 3).join(', ')
    const listed = `${quoted(names.slice(0, 3))}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
    return [
      {
        policies: [...names, policy.name],
        sentence: `${JSON.stringify(policy.name)} and ${listed} have priority ${priority} and can answer the same failures (${causes}); ${JSON.stringify(winner.name)} acts, being first by name: give one another priority, or narrow its match`,
      },
    ]
  })
}

/** Bounds the search where many policies rewrite much; what is found until then is reported. */
const MOST_REWRITES = 2_000
const LONGEST = 16

const hostOf = (path: string): string => path.split('/', 1)[0] ?? path

/** Hosts that a policy rewrites; undefined where a pattern may apply to any. */
const hostsOf = ({ rules }: AdmittedPolicy): ReadonlySet<string> | undefined =>
  rules.some(({ prefix }) => !prefix) ? undefined : new Set(rules.map(({ reach }) => hostOf(reach)))

/** Policies that together lead an image back to where it was: A → B in one, B → A in another. */
export const findCircles = (policies: readonly AdmittedPolicy[]): readonly Conflict[] => {
  const rewriting = policies
    .filter(({ rules }) => rules.length > 0)
    .map((policy) => ({ policy, hosts: hostsOf(policy) }))
  const found = new Map<string, Conflict>()
  let rewrites = 0
  const follow = (image: string, images: readonly string[], path: readonly AdmittedPolicy[]): void => {
    const host = hostOf(image)
    for (const { policy, hosts } of rewriting) {
      if (hosts && !hosts.has(host)) continue
      if (path.length >= LONGEST || path.some((other) => apart(other.spec.match, policy.spec.match))) continue
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
        sentence: `policies ${quoted(names)} lead in a circle: ${[...images.slice(at), made.to].join(' → ')}; narrow match.images of one, or remove a rule`,
      })
    }
  }
  const samples = new Set(rewriting.flatMap(({ policy }) => policy.rules.flatMap((rule) => sampleOf(rule) ?? [])))
  for (const sample of samples) follow(sample, [sample], [])
  return [...found.values()]
}
