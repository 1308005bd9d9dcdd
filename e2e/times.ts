import type { KubeEvent, Pod } from '../src/model/kubernetes.ts'

/** When an Event of the pod first told of a failed pull; undefined when none does. Whole seconds, as kubelets write them. */
export const firstFailure = (events: readonly KubeEvent[]): Date | undefined => {
  const times = events.flatMap(({ reason, firstTimestamp, eventTime }) => {
    const at = firstTimestamp ?? eventTime
    return reason === 'Failed' && at ? [Date.parse(at)] : []
  })
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}

/** When the last container of these pods started; undefined when one has not. */
export const allStarted = (pods: readonly Pod[]): Date | undefined => {
  const times = pods.flatMap(({ status }) =>
    (status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.running?.startedAt ?? '')),
  )
  return times.length === 0 || times.some(Number.isNaN) ? undefined : new Date(Math.max(...times))
}
