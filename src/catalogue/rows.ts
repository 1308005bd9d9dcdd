import type { Row } from './row.ts'
import { DEVICE_ROWS } from './rows/container-device.ts'
import { CONTAINER_ROWS } from './rows/container.ts'
import { IMAGE_ROWS } from './rows/image.ts'
import { SANDBOX_ROWS } from './rows/sandbox.ts'
import { VOLUME_ROWS } from './rows/volume.ts'

/**
 * Everything that is known, in the order in which it is asked. Sandboxes come early, for their messages carry whole
 * image and container failures inside; volumes before containers, for a bad volume shows as a container that cannot start.
 */
export const ROWS: readonly Row[] = [...DEVICE_ROWS, ...SANDBOX_ROWS, ...VOLUME_ROWS, ...IMAGE_ROWS, ...CONTAINER_ROWS]
