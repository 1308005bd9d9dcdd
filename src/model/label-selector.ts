import type { LabelSelector } from './kubernetes.ts'

type Labels = Readonly<Record<string, string>>
type Requirement = NonNullable<LabelSelector['matchExpressions']>[number]

/** Kubernetes semantics: NotIn also matches a missing label; an unknown operator never matches. */
const holds = ({ key, operator, values = [] }: Requirement, labels: Labels): boolean => {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}

/** Whether labels satisfy a selector; an empty selector selects everything. */
export const selects = (selector: LabelSelector, labels: Labels = {}): boolean =>
  Object.entries(selector.matchLabels ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  ) && (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels))

/** A selector as a query parameter; undefined if it selects everything or cannot be expressed. */
export const formatSelector = (selector: LabelSelector | undefined): string | undefined => {
  const parts = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    if (operator === 'Exists') parts.push(key)
    else if (operator === 'DoesNotExist') parts.push(`!${key}`)
    else if (operator === 'In' || operator === 'NotIn') {
      parts.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`)
    } else return undefined
  }
  return parts.length === 0 ? undefined : parts.join(',')
}
