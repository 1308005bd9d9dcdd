/** Disks that cannot be mounted, with messages like those of a missing helper although nothing is missing. */
import assert from 'node:assert/strict'
import { conditionOf, nodeNamed, nodePolicy, onNode, podEvent, recordsOf, RUNS, tasksSince } from '../nodes.ts'
import { barePod } from '../objects.ts'
import type { Fixture, Scenario } from '../scenario.ts'
import { runMend } from '../users.ts'

const CAUSE = 'MountHelperMissing'

interface Disk {
  readonly name: string
  readonly title: string
  readonly fsType: 'ext4' | 'xfs'
  /** What the kubelet quotes of mount(8). */
  readonly says: string
  /** Size of the image, of which next to nothing is written. */
  readonly size: string
  /** Shell that spoils the file system in `$file`, which `attach FILE` makes a device. */
  readonly spoil: string
  readonly breaks?: true
}

const overwrite = (at: number): string => `printf '\\143' | dd of=$file bs=1 seek=${at} conv=notrunc status=none`

const DISKS: readonly Disk[] = [
  {
    name: 'c-damaged',
    title: 'a damaged ext4 disk',
    fsType: 'ext4',
    says: 'bad superblock',
    size: '16M',
    // A block size that cannot be.
    spoil: overwrite(1048),
  },
  {
    name: 'c-damaged-xfs',
    title: 'a damaged xfs disk',
    fsType: 'xfs',
    says: 'Structure needs cleaning',
    size: '300M',
    // The superblock does not match its checksum.
    spoil: overwrite(200),
    breaks: true,
  },
  {
    name: 'c-copied-xfs',
    title: 'a copy of an xfs disk that is mounted on the same node',
    fsType: 'xfs',
    says: 'bad superblock',
    size: '300M',
    spoil: 'cp --sparse=always $file $file.first; mkdir -p $file.at; mount -t xfs $(attach $file.first) $file.at',
    breaks: true,
  },
]

/** In a container that was made before it a loop device has no file. */
const ATTACH = `attach() {
  at=$(losetup --find)
  [ -e $at ] || mknod $at b 7 \${at#/dev/loop}
  losetup $at $1
  echo $at
}`

/** The path of a disk on the node with a file system that is spoilt; gone after the scenario. */
const spoiltDisk = async (fixture: Fixture, node: string, { fsType, size, spoil }: Disk): Promise<string> => {
  const file = `/var/${fixture.namespace}.img`
  const remove = [
    `umount ${file}.at 2>/dev/null || true`,
    `for each in ${file} ${file}.first; do losetup --noheadings --output NAME --associated $each; done | xargs -r losetup --detach`,
    `rm -rf ${file} ${file}.first ${file}.at`,
  ]
  fixture.onEnd(() => onNode(fixture, node, remove.join('\n')))
  const make = [`file=${file}`, ATTACH, `truncate -s ${size} $file`, `mkfs.${fsType} -q $file`, spoil, 'attach $file']
  return onNode(fixture, node, make.join('\n'))
}

const volume = (
  namespace: string,
  node: string,
  disk: { readonly path: string; readonly fsType: string },
): readonly object[] => [
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: namespace },
    spec: {
      capacity: { storage: '16Mi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'by-hand',
      local: disk,
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'by-hand',
      volumeName: namespace,
      resources: { requests: { storage: '16Mi' } },
    },
  },
]

const knownToKernel = (fixture: Fixture, node: string, fsType: string): Promise<boolean> =>
  onNode(fixture, node, `if grep -qw ${fsType} /proc/filesystems; then echo yes; fi`).then((text) => text === 'yes')

const unmountable = (disk: Disk): Scenario => ({
  name: disk.name,
  title: `${disk.title} (mount reports "${disk.says}") is explained as such; no node is flagged, nothing is installed`,
  lane: 'first worker',
  ...(disk.breaks && { breaks: disk.breaks }),
  run: async (fixture) => {
    const { cluster, namespace, apply, kubectl, eventually, onEnd, say, note } = fixture
    const node = cluster.workers[0] ?? ''
    const { fsType } = disk
    if (!(await knownToKernel(fixture, node, fsType))) return note(`skipped: this kernel has no ${fsType}`)
    const began = Date.now()
    const had = (await recordsOf(fixture, node, CAUSE)).length
    const before = (await nodeNamed(fixture, node)).metadata.labels
    const path = await spoiltDisk(fixture, node, disk)
    onEnd(() => kubectl(['delete', 'pv', namespace, '--wait=false', '--ignore-not-found']))
    // Before the device is reused: a kubelet that still tries to mount it would format what it finds there.
    onEnd(() => kubectl(['delete', 'pod', 'web', '-n', namespace, '--ignore-not-found', '--timeout=60s']))
    await nodePolicy(fixture, [CAUSE, 'FilesystemCorrupt'], [{ type: 'FlagNode' }, { type: 'InstallMountHelper' }])
    for (const object of volume(namespace, node, { path, fsType })) await apply(object)
    const podSpec = {
      nodeName: node,
      containers: [{ name: 'web', image: RUNS, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    }
    await apply(barePod(namespace, { podSpec }))
    const failed = await podEvent(fixture, 'FailedMount', disk.says)
    say(`the kubelet reports: ${failed.message}`)
    await eventually(async () => {
      const { out } = await runMend(['explain', 'pod/web', '-n', namespace], cluster.kubeconfig)
      assert.match(out, /FilesystemCorrupt/)
    })
    const found = await nodeNamed(fixture, node)
    assert.deepEqual(found.metadata.labels, before)
    assert.notEqual(conditionOf(found, CAUSE)?.status, 'True')
    assert.equal((await recordsOf(fixture, node, CAUSE)).length, had)
    assert.deepEqual(await tasksSince(fixture, node, 'RestartRuntime', began), [])
  },
})

export const scenarios: readonly Scenario[] = DISKS.map(unmountable)
