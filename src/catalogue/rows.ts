import type { Row } from './row.ts'
import { CONTAINER_ROWS, DEVICE_ROWS } from './rows/container.ts'
import { IMAGE_ACCESS_ROWS } from './rows/image-access.ts'
import { IMAGE_CONTENT_ROWS } from './rows/image-content.ts'
import { IMAGE_GENERAL_ROWS } from './rows/image-general.ts'
import { IMAGE_NAME_ROWS } from './rows/image-name.ts'
import { IMAGE_PROJECT_ROWS } from './rows/image-project.ts'
import { IMAGE_TLS_ROWS, IMAGE_TRANSPORT_ROWS } from './rows/image-transport.ts'
import { SANDBOX_FIREWALL_ROWS } from './rows/sandbox-firewall.ts'
import { SANDBOX_IDENTITY_ROWS } from './rows/sandbox-identity.ts'
import { SANDBOX_IMAGE_ROWS } from './rows/sandbox-image.ts'
import { SANDBOX_NETWORK_ROWS } from './rows/sandbox-network.ts'
import { SANDBOX_PROFILE_ROWS } from './rows/sandbox-profile.ts'
import { SANDBOX_RUNTIME_ROWS } from './rows/sandbox-runtime.ts'
import { ATTACH_ROWS } from './rows/volume-attach.ts'
import { MOUNT_ROWS } from './rows/volume-mount.ts'
import { NFS_ROWS } from './rows/volume-nfs.ts'
import { OBJECT_ROWS } from './rows/volume-objects.ts'

/**
 * From what never reached a registry to what is left unsaid. Answers of the registry come before broken connections,
 * these before its internal errors: a 500 that wraps a time-out is a time-out.
 */
const IMAGE_ROWS: readonly Row[] = [
  ...IMAGE_NAME_ROWS,
  ...IMAGE_TLS_ROWS,
  ...IMAGE_CONTENT_ROWS,
  ...IMAGE_PROJECT_ROWS,
  ...IMAGE_ACCESS_ROWS,
  ...IMAGE_TRANSPORT_ROWS,
  ...IMAGE_GENERAL_ROWS,
]

/** The most specific first; bare time-outs come last. */
const SANDBOX_ROWS: readonly Row[] = [
  ...SANDBOX_IMAGE_ROWS,
  ...SANDBOX_FIREWALL_ROWS,
  ...SANDBOX_NETWORK_ROWS,
  ...SANDBOX_IDENTITY_ROWS,
  ...SANDBOX_PROFILE_ROWS,
  ...SANDBOX_RUNTIME_ROWS,
]

/** Messages of the mount program come before those of the kubelet or a driver around them. */
const VOLUME_ROWS: readonly Row[] = [...NFS_ROWS, ...MOUNT_ROWS, ...OBJECT_ROWS, ...ATTACH_ROWS]

/**
 * All rows, in matching order. Sandboxes come early, for their messages carry whole
 * image and container failures inside; volumes before containers, for a bad volume shows as a container that cannot start.
 */
export const ROWS: readonly Row[] = [...DEVICE_ROWS, ...SANDBOX_ROWS, ...VOLUME_ROWS, ...IMAGE_ROWS, ...CONTAINER_ROWS]
