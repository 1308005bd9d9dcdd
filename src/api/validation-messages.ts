import type { z } from 'zod'
import { distance } from '../model/edit-distance.ts'

const MOST = 20

/** `['spec', 'actions', 0, 'type']` → `spec.actions[0].type`; map keys that are no identifiers are quoted. */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`
      return /^\w+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`
    })
    .join('')
    .replace(/^\./, '') || 'the object'

/** A value as JSON, truncated: user input is quoted, never printed raw. */
export const shown = (value: unknown): string => {
  const json = value === undefined ? 'nothing' : JSON.stringify(value)
  return json.length > 80 ? `${json.slice(0, 80)}…` : json
}

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  )

/** The name that was probably meant: the nearest one, if no more than a third of it differs. */
export const nearest = (found: string, names: readonly string[]): string | undefined => {
  const ranked = names
    .map((name) => ({ name, apart: distance(found.slice(0, 64).toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.apart - b.apart)
  const best = ranked[0]
  return best && best.apart <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string (in quotes if it looks like a number)',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of fields',
  record: 'a map of texts',
}

const say = (issue: z.core.$ZodIssue, found: unknown): string => {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `has ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}, which this version does not support: remove or correct it`
    case 'invalid_value': {
      const names = issue.values.map(String)
      const meant = typeof found === 'string' ? nearest(found, names) : undefined
      if (found === undefined) return `is missing; expected ${names.length > 8 ? 'one of its names' : names.join(', ')}`
      return `${shown(found)} is not a known value; ${meant ? `did you mean ${meant}?` : `expected ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`}`
    }
    case 'invalid_type':
      return found === undefined
        ? 'is missing'
        : `is ${shown(found)}; expected ${KINDS[issue.expected] ?? issue.expected}`
    case 'too_big':
      return `is ${shown(found)}; at most ${String(issue.maximum)}${issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''} are allowed`
    case 'too_small':
      return `is ${shown(found)}; at least ${String(issue.minimum)}${issue.origin === 'string' ? ' character' : issue.origin === 'array' ? ' entry' : ''} is needed`
    case 'custom':
      return typeof found === 'object' || found === undefined ? issue.message : `is ${shown(found)}; ${issue.message}`
    default:
      return `is ${shown(found)}; ${issue.message}`
  }
}

/** One sentence an issue: the field's path, what was found, what was expected. At most twenty, then how many more. */
export const sentencesOf = (error: z.ZodError, root: unknown): readonly string[] => {
  const all = error.issues.map((issue) => {
    const text = say(issue, valueAt(root, issue.path))
    return `${formatPath(issue.path)}${/^(is|has) /.test(text) ? ' ' : ': '}${text}`
  })
  return all.length > MOST ? [...all.slice(0, MOST), `and ${all.length - MOST} more`] : all
}
