import { conflicts, findCircles } from '../api/policy-conflicts.ts'
import type { PolicyNews } from '../report/policy-status.ts'
import type { Policies } from './policies.ts'
import type { Records } from './records.ts'

export interface PolicyNewsDeps {
  readonly policies: Pick<Policies, 'known' | 'exclude'>
  readonly records: Pick<Records, 'countOf'>
  readonly tell: (policy: string, news: PolicyNews) => void
}

/** Keeps the status of every policy true: whether it is in force, what it conflicts with, what is under way. */
export interface PolicyNewsTeller {
  /** A policy came, changed or went: conflicts between the others may have changed with it. */
  readonly changed: () => void
  /** Something became of a record of this policy. */
  readonly counted: (policy: string) => void
}

export const createPolicyNews = ({ policies, records, tell }: PolicyNewsDeps): PolicyNewsTeller => ({
  changed: () => {
    const known = policies.known()
    const admitted = known.flatMap((one) => (one.admitted.ok ? [one.admitted.policy] : []))
    const circles = findCircles(admitted)
    // Together they would rewrite an image for ever: none of them acts until one is changed.
    policies.exclude(circles.flatMap((circle) => circle.policies))
    const clashes = conflicts(admitted)
    for (const { object, admitted: one } of known) {
      const { name, generation = 0 } = object.metadata
      const sentences = one.ok
        ? circles.filter((circle) => circle.policies.includes(name)).map(({ sentence }) => sentence)
        : one.sentences
      const others = clashes.filter((clash) => clash.policies.includes(name)).flatMap((clash) => clash.policies)
      tell(name, {
        admitted: { generation, sentences },
        conflictsWith: [...new Set(others)].filter((other) => other !== name),
        ...records.countOf(name),
      })
    }
  },
  counted: (policy) => tell(policy, records.countOf(policy)),
})
