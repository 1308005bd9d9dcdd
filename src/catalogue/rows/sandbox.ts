import type { Row } from '../row.ts'

export const SANDBOX_ROWS: readonly Row[] = []
