import type { Row } from '../row.ts'

export const VOLUME_ROWS: readonly Row[] = []
