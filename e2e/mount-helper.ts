/** Volumes that a node cannot mount for want of a program, and the program's package. */
import { onNode } from './nodes.ts'
import { RUNS } from './nodes.ts'
import { barePod } from './objects.ts'
import type { Fixture } from './scenario.ts'

export const HELPER = '/usr/sbin/mount.nfs'
export const PACKAGE = 'nfs-common'

/** A pod on this node with an NFS volume. This kernel may lack NFS altogether: that it is mounted is not asked for. */
export const nfsPod = (namespace: string, node: string, name = 'web'): object =>
  barePod(namespace, {
    name,
    podSpec: {
      nodeName: node,
      containers: [{ name: 'web', image: RUNS, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', nfs: { server: '127.0.0.1', path: '/export' } }],
    },
  })

const quietly = (command: string): string => `DEBIAN_FRONTEND=noninteractive ${command} >/tmp/apt.log 2>&1`

/** As a person would, by the node's own apt. */
export const installByHand = (fixture: Fixture, node: string): Promise<string> =>
  onNode(
    fixture,
    node,
    `${quietly('apt-get update')}; ${quietly(`apt-get install -y --no-install-recommends ${PACKAGE}`)}`,
  )

/** The node has no helper, now and after the scenario. */
export const withoutHelper = async (fixture: Fixture, node: string): Promise<void> => {
  const remove = () => onNode(fixture, node, `[ ! -e ${HELPER} ] || { ${quietly(`apt-get purge -y ${PACKAGE}`)}; }`)
  fixture.onEnd(remove)
  await remove()
}

export const hasHelper = (fixture: Fixture, node: string): Promise<boolean> =>
  onNode(fixture, node, `if [ -e ${HELPER} ]; then echo yes; fi`).then((text) => text === 'yes')
