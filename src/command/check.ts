/** One line of `doctor`. */
export interface Check {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  /** What was found, in a sentence. */
  readonly says: string
  /** What to do about it. */
  readonly todo?: string
}

export const ok = (check: string, says: string): Check => ({ check, state: 'ok', says })
export const warn = (check: string, says: string, todo: string): Check => ({ check, state: 'warn', says, todo })
export const fail = (check: string, says: string, todo: string): Check => ({ check, state: 'fail', says, todo })
