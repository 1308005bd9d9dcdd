/** Markdown tables and figures. Pure. */
import type { Memory } from './memory.ts'

export const ms = (value: number): string => value.toFixed(1)
export const times = (value: number): string => value.toFixed(2)
export const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
export const memoryCells = ({ resident, anonymous }: Memory): readonly string[] => [mb(resident), mb(anonymous)]

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
