import { clip, isoTime } from './text.ts'

/** A condition as records and policies carry it. */
export interface StatusCondition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
  lastTransitionTime: string
  observedGeneration?: number | undefined
}

/** Conditions with one of them set; its transition time moves only when its status does. */
export const withCondition = <C extends StatusCondition>(
  conditions: readonly C[],
  next: Omit<C, 'lastTransitionTime'>,
  now: number,
): C[] => {
  const before = conditions.find(({ type }) => type === next.type)
  const lastTransitionTime = before && before.status === next.status ? before.lastTransitionTime : isoTime(now)
  const condition = { ...next, message: clip(next.message, 4_096), lastTransitionTime } as C
  return before ? conditions.map((one) => (one === before ? condition : one)) : [...conditions, condition]
}
