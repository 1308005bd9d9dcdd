/** The third of the incidents: a volume that the node cannot mount, since the program that mounts it is not installed. */
import assert from 'node:assert/strict'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import { FLAG_PREFIX, INSTALL_LABEL } from '../../src/model/names.ts'
import { hasHelper, HELPER, installByHand, nfsPod, PACKAGE, withoutHelper } from '../mount-helper.ts'
import {
  conditionOf,
  eventOfNode,
  forgetting,
  nodeNamed,
  nodePolicy,
  nodeRecord,
  onNode,
  ordersSince,
  othersThan,
  recordsOf,
  said,
} from '../nodes.ts'
import { NAMESPACE } from '../operator.ts'
import { runMend } from '../people.ts'
import type { Scenario, Stage } from '../scenario.ts'

const CAUSE = 'MountHelperMissing'
const LABEL = `${FLAG_PREFIX}${CAUSE}`

const firstOf = ({ firstTimestamp, eventTime }: KubeEvent): number => Date.parse(firstTimestamp ?? eventTime ?? '')

const flagged = (stage: Stage, node: string) =>
  stage.eventually(async () => {
    const found = await nodeNamed(stage, node)
    const condition = conditionOf(found, CAUSE)
    assert.equal(condition?.status, 'True', `condition of ${node}: ${JSON.stringify(condition)}`)
    assert.equal(found.metadata.labels?.[LABEL], 'nfs')
    return condition
  })

const unflagged = (stage: Stage, node: string) =>
  stage.eventually(async () => {
    const found = await nodeNamed(stage, node)
    assert.equal(conditionOf(found, CAUSE)?.status ?? 'False', 'False')
    assert.equal(found.metadata.labels?.[LABEL], undefined)
    return found
  })

const flag: Scenario = {
  name: 'c-flag',
  title:
    'the node without the helper is flagged within seconds with the package to install; the flag goes once it is there',
  lane: 'second worker',
  timeoutMs: 300_000,
  run: async (stage) => {
    const { cluster, namespace, apply, operator, note, say, eventually } = stage
    const node = cluster.workers[1] ?? ''
    await withoutHelper(stage, node)
    await forgetting(stage, node, CAUSE)
    await nodePolicy(stage, [CAUSE], [{ type: 'FlagNode' }])
    await apply(nfsPod(namespace, node))
    const failed = await said(stage, 'FailedMount', "unknown filesystem type 'nfs'")
    const condition = await flagged(stage, node)
    const after = (Date.now() - firstOf(failed)) / 1000
    assert.match(condition?.message ?? '', new RegExp(`\\b${PACKAGE}\\b`))
    say(`the node says: ${condition?.reason}: ${condition?.message}`)
    for (const other of othersThan(stage, node)) await unflagged(stage, other)
    const event = await eventOfNode(stage, node, 'NodeFlagged')
    assert.match(event.message ?? '', new RegExp(PACKAGE))
    await eventually(async () =>
      assert.match(await operator.metrics(), new RegExp(`^podmend_\\w*flag\\w*\\{[^}]*${CAUSE}[^}]*\\} 1`, 'm')),
    )
    const { out, err } = await runMend(['explain', 'pod/web', '-n', namespace], cluster.kubeconfig)
    assert.match(out, new RegExp(PACKAGE), err)
    say(out.trim())
    await installByHand(stage, node)
    const installed = Date.now()
    await unflagged(stage, node)
    note(
      `flagged ${after.toFixed(1)} s after the first failure, cleared ${((Date.now() - installed) / 1000).toFixed(1)} s after the package came`,
    )
  },
}

const taint: Scenario = {
  name: 'c-taint',
  title: 'where a policy comes to ask for it the flag that stands gets a taint as well, which goes with it',
  alone: true,
  run: async (stage) => {
    const { cluster, namespace, apply, eventually } = stage
    const node = cluster.workers[1] ?? ''
    await withoutHelper(stage, node)
    await forgetting(stage, node, CAUSE)
    await nodePolicy(stage, [CAUSE], [{ type: 'FlagNode' }])
    await apply(nfsPod(namespace, node))
    await flagged(stage, node)
    const taints = async (): Promise<readonly string[]> => {
      const { spec } = await nodeNamed(stage, node)
      return (spec?.taints ?? []).map(({ key, value, effect }) => `${key}=${value}:${effect}`)
    }
    assert.deepEqual(await taints(), [])
    await nodePolicy(stage, [CAUSE], [{ type: 'FlagNode', flagNode: { taint: 'NoSchedule' } }])
    await eventually(async () => assert.deepEqual(await taints(), [`${LABEL}=nfs:NoSchedule`]))
    stage.onEnd(() => onNode(stage, node, `rm -f ${HELPER}`))
    await onNode(stage, node, `printf '#!/bin/sh\\nexit 1\\n' >${HELPER}; chmod +x ${HELPER}`)
    await unflagged(stage, node)
    await eventually(async () => assert.deepEqual(await taints(), []))
  },
}

const install: Scenario = {
  name: 'c-install',
  title: 'with InstallMountHelper allowed, the package is installed on that node and on no other',
  // With the one in which a person installs it: each asks that no other node has it.
  lane: 'second worker',
  timeoutMs: 300_000,
  run: async (stage) => {
    const { cluster, namespace, apply, note } = stage
    const node = cluster.workers[1] ?? ''
    for (const each of cluster.workers) await withoutHelper(stage, each)
    await forgetting(stage, node, CAUSE)
    await apply(nfsPod(namespace, node))
    await said(stage, 'FailedMount', "unknown filesystem type 'nfs'")
    const allowed = Date.now()
    await nodePolicy(stage, [CAUSE], [{ type: 'InstallMountHelper' }])
    await stage.eventually(async () => assert.ok(await hasHelper(stage, node), 'the helper is there'))
    const installer = await stage.eventually(async () => {
      const [pod] = (await stage.pods(`${INSTALL_LABEL}=true`, NAMESPACE)).filter(({ spec }) => spec?.nodeName === node)
      assert.equal(pod?.status?.phase, 'Succeeded', 'the pod that installs it ends well')
      return pod
    })
    stage.onEnd(() =>
      stage.kubectl(['delete', 'pod', installer?.metadata.name ?? '', '-n', NAMESPACE, '--ignore-not-found']),
    )
    note(`installed ${((Date.now() - allowed) / 1000).toFixed(1)} s after a policy allowed it`)
    for (const other of othersThan(stage, node)) assert.ok(!(await hasHelper(stage, other)), `not on ${other}`)
    await nodeRecord(stage, node, CAUSE)
    await stage.eventually(async () => {
      const [record] = await recordsOf(stage, node, CAUSE)
      assert.equal(record?.status?.attempts?.length, 1, 'installed once')
    })
    assert.deepEqual(await ordersSince(stage, node, 'RestartRuntime', allowed), [])
  },
}

export const scenarios: readonly Scenario[] = [flag, install, taint]
