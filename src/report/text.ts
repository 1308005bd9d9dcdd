/** Cuts a text to what a field of the API takes. */
export const clip = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`)

/** ms since the epoch as the API has it. */
export const isoTime = (ms: number): string => new Date(ms).toISOString()
