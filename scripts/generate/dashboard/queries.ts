/** Queries of the panels: our metrics, confined to the chosen scrape jobs and policies. */
import { oneOf, ours } from '../promql.ts'

const JOB = 'job=~"$job"'
const POLICY = 'policy=~"$policy"'

const matched = (name: string, matchers: readonly string[]): string => `${name}{${matchers.join(', ')}}`

/** A metric of ours. */
export const metric = (name: `podmend_${string}`, ...matchers: readonly string[]): string =>
  matched(name, [JOB, ...matchers])

/** A metric of ours that has a policy. */
export const policyMetric = (name: `podmend_${string}`, ...matchers: readonly string[]): string =>
  metric(name, POLICY, ...matchers)

/** A metric with a common name, of our processes only; `wrap` is applied before the series of others are filtered out. */
export const commonMetric = (
  name: `${'workqueue' | 'process' | 'nodejs'}_${string}`,
  wrap: (series: string) => string = (series) => series,
): string => ours(wrap(matched(name, [JOB])))

/** `label=~"a|b"` */
export const among = (label: string, values: readonly string[]): string => `${label}=~"${oneOf(values)}"`

/** Every replica sees all records and reports the same values; this counts them once. */
export const once = (series: string, by: readonly string[]): string => `max by (${by.join(', ')}) (${series})`

/** Zero where there is nothing: a big number should not read "No data" on a good day. */
export const orZero = (query: string): string => `${query} or vector(0)`
