/** Markdown tables and figures. Pure. */
import type { Memory } from './memory.ts'

/** JSON keeps no infinity and no NaN: what was never reached has no figure. */
const fixed = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–')

export const ms = (value: number): string => fixed(value, 1)
export const times = (value: number): string => fixed(value, 2)
export const mb = (bytes: number): string => fixed(bytes / 1e6, 0)
export const memoryCells = ({ resident, anonymous }: Memory): readonly string[] => [mb(resident), mb(anonymous)]

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
