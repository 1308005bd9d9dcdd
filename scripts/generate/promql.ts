/** PromQL that alerts and dashboard share. */

/**
 * What a counter gained within a window. `increase` alone does not see the first rise of a series that begins within it
 * (a policy's first failure begins at 1, not at 0), so such a series counts with all it has.
 */
export const gained = (counter: string, window: string): string =>
  `(${counter} unless ${counter} offset ${window} or increase(${counter}[${window}]))`

/** Keeps of metrics with a common name (workqueue_*, process_*, nodejs_*) those of our own processes, whatever the scrape job is called. */
export const ours = (series: string): string => `(${series} and on (job, instance) podmend_build_info)`

/** A matcher's value that is one of these. */
export const oneOf = (names: readonly string[]): string => names.join('|')
