import type { Row } from '../row.ts'

export const CONTAINER_ROWS: readonly Row[] = []
