import type { Row } from '../row.ts'
import { ATTACH_ROWS } from './volume-attach.ts'
import { MOUNT_ROWS } from './volume-mount.ts'
import { NFS_ROWS } from './volume-nfs.ts'
import { OBJECT_ROWS } from './volume-objects.ts'

/** What the mount program said comes before what kubelet or a driver made of it. */
export const VOLUME_ROWS: readonly Row[] = [...NFS_ROWS, ...MOUNT_ROWS, ...OBJECT_ROWS, ...ATTACH_ROWS]
