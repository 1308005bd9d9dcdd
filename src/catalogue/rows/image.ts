import type { Row } from '../row.ts'
import { IMAGE_ACCESS_ROWS } from './image-access.ts'
import { IMAGE_CONTENT_ROWS } from './image-content.ts'
import { IMAGE_GENERAL_ROWS } from './image-general.ts'
import { IMAGE_NAME_ROWS } from './image-name.ts'
import { IMAGE_PROJECT_ROWS } from './image-project.ts'
import { IMAGE_TLS_ROWS, IMAGE_TRANSPORT_ROWS } from './image-transport.ts'

/**
 * From what never reached a registry to what is left unsaid. Answers of the registry come before broken connections,
 * these before its internal errors: a 500 that wraps a time-out is a time-out.
 */
export const IMAGE_ROWS: readonly Row[] = [
  ...IMAGE_NAME_ROWS,
  ...IMAGE_TLS_ROWS,
  ...IMAGE_CONTENT_ROWS,
  ...IMAGE_PROJECT_ROWS,
  ...IMAGE_ACCESS_ROWS,
  ...IMAGE_TRANSPORT_ROWS,
  ...IMAGE_GENERAL_ROWS,
]
