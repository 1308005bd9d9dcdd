/** Line ends and tabs stay; C0 controls have pictures, one character for each. */
const PICTURES = 0x2400
const DELETE_PICTURE = '\u2421'
const REPLACEMENT = '\ufffd'

/** C0, DEL and C1 controls but for line ends and tabs, and the marks that reorder or hide text. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

const visible = (char: string): string => {
  const code = char.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(PICTURES + code)
  return code === 0x7f ? DELETE_PICTURE : REPLACEMENT
}

/**
 * A copy whose strings hold no character that moves a reader's cursor, colors, hides or reorders text: messages quote what
 * tenants, images and registries chose. Each is replaced by one visible character, so that no text grows beyond its limit.
 * Applied where text leaves the program: to records, Events and the terminal.
 */
export const printable = <T>(value: T): T => {
  if (typeof value === 'string') return value.replace(UNPRINTABLE, visible) as T
  if (Array.isArray(value)) return value.map((item) => printable<unknown>(item)) as T
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printable<unknown>(item)])) as T
  }
  return value
}

/** Truncates a text to the limit of an API field. */
export const clip = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`)
