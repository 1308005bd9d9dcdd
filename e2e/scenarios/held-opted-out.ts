/** Marked `podmend.io/exclude` by those whose it is. */
import { held } from '../held.ts'
import type { Scenario } from '../scenario.ts'

const EXCLUDE = { 'podmend.io/exclude': 'true' }

export const scenarios: readonly Scenario[] = [
  held({
    name: 'pod-opted-out',
    title: 'a pod that opted out is not changed',
    parts: { podAnnotations: EXCLUDE },
    reason: 'OptedOut',
    says: 'Pod web-',
  }),
  held({
    name: 'owner-opted-out',
    title: 'an owner that opted out is not changed',
    parts: { annotations: EXCLUDE },
    reason: 'OptedOut',
    says: 'Deployment web',
  }),
  held({
    name: 'namespace-opted-out',
    title: 'nothing in a namespace that opted out is changed',
    before: ({ kubectl, namespace }) => kubectl(['annotate', 'namespace', namespace, 'podmend.io/exclude=true']),
    reason: 'OptedOut',
    says: 'namespace e2e-held-namespace-opted-out',
  }),
]
