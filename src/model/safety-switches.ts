/**
 * The two safety switches on objects. They fail closed: any value, such as `True`, `yes` or an empty one, stops; only an
 * explicit `"false"` does not.
 */
import { EXCLUDE_KEY, PAUSED_ANNOTATION } from './names.ts'

type Texts = Readonly<Record<string, string>> | undefined

export interface Marked {
  readonly labels?: Texts
  readonly annotations?: Texts
}

const stops = (value: string | undefined): boolean => value !== undefined && value !== 'false'

/** Whether the operator's namespace stops everything. */
export const pauses = ({ annotations }: Marked): boolean => stops(annotations?.[PAUSED_ANNOTATION])

/** Whether a pod, owner, namespace or node opts out, by label or annotation. */
export const excludes = ({ labels, annotations }: Marked): boolean =>
  stops(labels?.[EXCLUDE_KEY]) || stops(annotations?.[EXCLUDE_KEY])

/** Values of a switch that are neither `true` nor `false`; they stop, but may be a mistake. */
const odd = (values: readonly (string | undefined)[]): readonly string[] =>
  values.filter((value) => value !== undefined && value !== 'true' && value !== 'false') as readonly string[]

export const oddPauses = ({ annotations }: Marked): readonly string[] => odd([annotations?.[PAUSED_ANNOTATION]])

export const oddExcludes = ({ labels, annotations }: Marked): readonly string[] =>
  odd([labels?.[EXCLUDE_KEY], annotations?.[EXCLUDE_KEY]])
