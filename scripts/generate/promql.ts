/** PromQL shared by alerts and dashboard. */

/**
 * The increase of a counter within a window. `increase` alone misses the first value of a series that starts within the
 * window (a policy's first failure starts at 1, not at 0), so such a series counts with its full value.
 */
export const gained = (counter: string, window: string): string =>
  `(${counter} unless ${counter} offset ${window} or increase(${counter}[${window}]))`

/** Keeps only our own processes' series of a metric with a common name (workqueue_*, process_*, nodejs_*), whatever the scrape job is called. */
export const ours = (series: string): string => `(${series} and on (job, instance) podmend_build_info)`

/** A regular expression for a label matcher: one of these names. */
export const oneOf = (names: readonly string[]): string => names.join('|')
