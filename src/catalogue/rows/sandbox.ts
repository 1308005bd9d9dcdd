import type { Row } from '../row.ts'
import { SANDBOX_FIREWALL_ROWS } from './sandbox-firewall.ts'
import { SANDBOX_IDENTITY_ROWS } from './sandbox-identity.ts'
import { SANDBOX_IMAGE_ROWS } from './sandbox-image.ts'
import { SANDBOX_NETWORK_ROWS } from './sandbox-network.ts'
import { SANDBOX_PROFILE_ROWS } from './sandbox-profile.ts'
import { SANDBOX_RUNTIME_ROWS } from './sandbox-runtime.ts'

/** The most telling first; what only says that time ran out comes last. */
export const SANDBOX_ROWS: readonly Row[] = [
  ...SANDBOX_IMAGE_ROWS,
  ...SANDBOX_FIREWALL_ROWS,
  ...SANDBOX_NETWORK_ROWS,
  ...SANDBOX_IDENTITY_ROWS,
  ...SANDBOX_PROFILE_ROWS,
  ...SANDBOX_RUNTIME_ROWS,
]
