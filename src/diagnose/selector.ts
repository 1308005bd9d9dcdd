import type { LabelSelector } from '../api/kubernetes.ts'

/** A selector as the API server takes it in a query; undefined for one that selects everything or cannot be written. */
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
