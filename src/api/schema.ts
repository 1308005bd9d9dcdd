import { z } from 'zod'
import { DURATION_PATTERN, parseDuration } from '../model/duration.ts'

/**
 * One rule in both tongues: CEL for the API server, a predicate for admission in the controller and the command, where
 * there is no server to ask. Tests hold the two against each other.
 */
export interface Rule<T> {
  /** CEL over `self`. */
  readonly rule: string
  /** Names the field and the fix. */
  readonly message: string
  readonly holds: (value: T) => boolean
  /** Field below the ruled one that is at fault, with dots between. */
  readonly at?: string
}

/** A validation rule for the API server. */
export interface CelRule {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
  readonly optionalOldSelf?: boolean
}

/** Adds rules to a schema. The metadata goes last: a refinement would make a copy without it. */
export const ruled = <S extends z.ZodType>(schema: S, ...rules: readonly Rule<z.output<S>>[]): S => {
  const refined = schema.superRefine((value, context) => {
    for (const { holds, message, at } of rules) {
      if (!holds(value)) context.addIssue({ code: 'custom', message, path: at?.split('.') ?? [] })
    }
  })
  const before = (schema.meta() ?? {}) as { 'x-kubernetes-validations'?: readonly CelRule[] }
  const cel = rules.map(({ rule, message, at }) => ({
    rule,
    message,
    ...(at !== undefined && { fieldPath: `.${at}` }),
  }))
  return refined.meta({
    ...before,
    'x-kubernetes-validations': [...(before['x-kubernetes-validations'] ?? []), ...cel],
  }) as S
}

/** Rules that only the API server can check, for they compare with the object as it was. */
export const transitions = <S extends z.ZodType>(schema: S, ...rules: readonly CelRule[]): S => {
  const before = (schema.meta() ?? {}) as { 'x-kubernetes-validations'?: readonly CelRule[] }
  return schema.meta({
    ...before,
    'x-kubernetes-validations': [...(before['x-kubernetes-validations'] ?? []), ...rules],
  }) as S
}

/** A raw CEL string, for regular expressions. */
export const raw = (source: string): string => `r'${source}'`

export const text = (max: number, what: string) => z.string().max(max).describe(what)
export const time = (what: string) => z.iso.datetime().describe(what)
export const count = (min: number, max: number, what: string) => z.int().min(min).max(max).describe(what)
export const total = (what: string) => count(0, Number.MAX_SAFE_INTEGER, what)

/** A string that must fit a pattern in RE2's and JavaScript's common syntax; the message says what to write. */
export const fitting = (field: { pattern: string; max: number; what: string; message: string }) =>
  ruled(text(field.max, field.what), {
    rule: `self.matches(${raw(field.pattern)})`,
    message: field.message,
    holds: (value) => new RegExp(field.pattern).test(value),
  })

/** A duration between two inclusive bounds. `name` is used in the message. */
export const duration = (name: string, min: string, max: string, what: string) => {
  const [least, most] = [parseDuration(min), parseDuration(max)]
  return ruled(text(32, `${what} From ${min} to ${max}.`), {
    rule: `self.matches(${raw(DURATION_PATTERN)}) && duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
    message: `${name} must be a duration from ${min} to ${max}, a number with a unit such as 30s, 5m or 1h30m`,
    holds: (value) => {
      if (!new RegExp(DURATION_PATTERN).test(value)) return false
      const ms = parseDuration(value)
      return ms >= least && ms <= most
    },
  })
}

type Items = { readonly max: number; readonly what: string }

/** An ordered list that one writer owns as a whole. */
export const listOf = <S extends z.ZodType>(item: S, { max, what }: Items) =>
  z.array(item).max(max).describe(what).meta({ 'x-kubernetes-list-type': 'atomic' })

/** An unordered list without duplicates. */
export const setOf = <S extends z.ZodType<string>>(item: S, { max, what }: Items) =>
  z
    .array(item)
    .max(max)
    .superRefine((values, context) => {
      values.forEach((value, i) => {
        if (values.indexOf(value) !== i) {
          context.addIssue({ code: 'custom', message: `"${value}" appears twice; remove one`, path: [i] })
        }
      })
    })
    .describe(what)
    .meta({ 'x-kubernetes-list-type': 'set' })

/** Refuses an empty list where leaving it out means the opposite. */
export const filled = <S extends z.ZodType<readonly unknown[]>>(list: S, message: string): S =>
  ruled(list, { rule: 'size(self) > 0', message, holds: (values) => values.length > 0 })

/** Conditions as in every Kubernetes object, one a type. */
export const conditions = (what: string) =>
  z
    .array(
      z.object({
        type: text(316, 'Type of the condition.'),
        status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
        reason: text(1024, 'Machine-readable reason in PascalCase.'),
        message: text(32768, 'Human-readable message.'),
        lastTransitionTime: time('When the status last changed.'),
        observedGeneration: total('Generation of the spec that the condition refers to.').optional(),
      }),
    )
    .max(16)
    .describe(what)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
