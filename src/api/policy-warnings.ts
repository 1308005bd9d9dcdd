import { PROTECTED_NAMESPACES } from './names.ts'
import type { PolicySpec } from './policy.ts'

/** What a careful owner may want to look at twice; nothing here keeps a policy from working. */
export const warningsOf = (spec: PolicySpec): readonly string[] => {
  const { match, mode, actions } = spec
  const warnings = (match.namespaces ?? []).flatMap((name, i) =>
    PROTECTED_NAMESPACES.includes(name)
      ? [`spec.match.namespaces[${i}]: ${name} is protected; naming it here lets the policy act there`]
      : [],
  )
  if (mode === 'Observe') return warnings
  const anywhere = !match.namespaces && !match.namespaceSelector && !match.podSelector && !match.nodeSelector
  if (anywhere && !match.images) {
    warnings.push(
      `spec.match: the policy has mode ${mode} and answers to every pod outside the protected namespaces; narrow it by images, namespaces or selectors`,
    )
  }
  const unbounded = actions.findIndex(
    ({ rewriteImage }) =>
      rewriteImage && !match.images && (rewriteImage.rules ?? []).every((rule) => rule.from === undefined),
  )
  if (unbounded >= 0) {
    warnings.push(
      `spec.actions[${unbounded}].rewriteImage: mode is ${mode} and neither spec.match.images nor a rule with from says which images may be rewritten`,
    )
  }
  const never = actions.findIndex(({ rewriteImage }) => rewriteImage?.verify === 'Never')
  if (never >= 0) {
    warnings.push(
      `spec.actions[${never}].rewriteImage.verify: Never writes images that may not exist; Required asks first`,
    )
  }
  if (match.causes.includes('Unknown')) {
    warnings.push(`spec.match.causes: with Unknown the policy answers to failures that nobody understood`)
  }
  return warnings
}
