/** Disks that cannot be mounted in words like those of a missing helper, although nothing is missing. */
import assert from 'node:assert/strict'
import { conditionOf, nodeNamed, nodePolicy, onNode, ordersSince, recordsOf, RUNS, said } from '../nodes.ts'
import { barePod } from '../objects.ts'
import { runMend } from '../people.ts'
import type { Scenario, Stage } from '../scenario.ts'

const CAUSE = 'MountHelperMissing'

/** A disk on the node whose ext4 superblock names a block size that cannot be. */
const damagedDisk = async (stage: Stage, node: string): Promise<string> => {
  const name = stage.namespace
  const file = `/var/${name}.img`
  const make = [
    `truncate -s 16M ${file}`,
    `mkfs.ext4 -q -F ${file}`,
    `printf '\\143' | dd of=${file} bs=1 seek=1048 conv=notrunc status=none`,
    `losetup --find --show ${file}`,
  ]
  const device = await onNode(stage, node, make.join('\n'))
  stage.onEnd(() => onNode(stage, node, `losetup --detach ${device} || true; rm -f ${file}`))
  return device
}

const volume = (namespace: string, node: string, path: string): readonly object[] => [
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: namespace },
    spec: {
      capacity: { storage: '16Mi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'by-hand',
      local: { path, fsType: 'ext4' },
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

const damaged: Scenario = {
  name: 'c-damaged',
  title: 'a damaged disk with the same "bad superblock" is explained as one; no node is flagged, nothing is installed',
  lane: 'first worker',
  run: async (stage) => {
    const { cluster, namespace, apply, kubectl, eventually, onEnd, say } = stage
    const node = cluster.workers[0] ?? ''
    const began = Date.now()
    const had = (await recordsOf(stage, node, CAUSE)).length
    const before = (await nodeNamed(stage, node)).metadata.labels
    const device = await damagedDisk(stage, node)
    onEnd(() => kubectl(['delete', 'pv', namespace, '--wait=false', '--ignore-not-found']))
    await nodePolicy(stage, [CAUSE, 'FilesystemCorrupt'], [{ type: 'FlagNode' }, { type: 'InstallMountHelper' }])
    for (const object of volume(namespace, node, device)) await apply(object)
    const podSpec = {
      nodeName: node,
      containers: [{ name: 'web', image: RUNS, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    }
    await apply(barePod(namespace, { podSpec }))
    const failed = await said(stage, 'FailedMount', 'bad superblock')
    say(`the kubelet's words: ${failed.message}`)
    await eventually(async () => {
      const { out } = await runMend(['explain', 'pod/web', '-n', namespace], cluster.kubeconfig)
      assert.match(out, /FilesystemCorrupt/)
    })
    const found = await nodeNamed(stage, node)
    assert.deepEqual(found.metadata.labels, before)
    assert.notEqual(conditionOf(found, CAUSE)?.status, 'True')
    assert.equal((await recordsOf(stage, node, CAUSE)).length, had)
    assert.deepEqual(await ordersSince(stage, node, 'RestartRuntime', began), [])
  },
}

export const scenarios: readonly Scenario[] = [damaged]
