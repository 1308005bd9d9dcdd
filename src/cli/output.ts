import { stringify } from 'yaml'

/** As kubectl names them; text where none is named. */
export const FORMATS = ['json', 'yaml', 'wide'] as const

/** Data as JSON or YAML; undefined where a text for people is wanted. */
export const formatData = (data: unknown, format: string | undefined): string | undefined => {
  if (format === 'json') return `${JSON.stringify(data, undefined, 2)}\n`
  // Without anchors: the same object twice is written twice.
  if (format === 'yaml') return stringify(data, { aliasDuplicateObjects: false, lineWidth: 0 })
  return undefined
}

/**
 * A copy whose strings hold no control characters but line ends and tabs: whoever may create an Event or a pod
 * could otherwise move the reader's cursor.
 */
export const printable = <T>(value: T): T => {
  if (typeof value === 'string') {
    return value.replace(/[^\P{Cc}\n\t]/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`) as T
  }
  if (Array.isArray(value)) return value.map((item) => printable<unknown>(item)) as T
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printable<unknown>(item)])) as T
  }
  return value
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export type Paint = Readonly<Record<keyof typeof CODES, (text: string) => string>>

/** Colours, or none. */
export const createPaint = (colour: boolean): Paint => {
  const with_ = (name: keyof typeof CODES) => (text: string) =>
    colour ? `\u001b[${CODES[name][0]}m${text}\u001b[${CODES[name][1]}m` : text
  return {
    bold: with_('bold'),
    dim: with_('dim'),
    red: with_('red'),
    green: with_('green'),
    yellow: with_('yellow'),
    cyan: with_('cyan'),
  }
}

/** A unified diff in the usual colours. */
export const paintDiff = (diff: string, { red, green, cyan, bold }: Paint): string =>
  diff
    .split('\n')
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return bold(line)
      if (line.startsWith('@@')) return cyan(line)
      if (line.startsWith('-')) return red(line)
      return line.startsWith('+') ? green(line) : line
    })
    .join('\n')
