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
  othersThan,
  podEvent,
  recordsOf,
  tasksSince,
} from '../nodes.ts'
import { NAMESPACE } from '../operator.ts'
import type { Fixture, Scenario } from '../scenario.ts'
import { runMend } from '../users.ts'

const CAUSE = 'MountHelperMissing'
const LABEL = `${FLAG_PREFIX}${CAUSE}`

const firstOf = ({ firstTimestamp, eventTime }: KubeEvent): number => Date.parse(firstTimestamp ?? eventTime ?? '')

const flagged = (fixture: Fixture, node: string) =>
  fixture.eventually(async () => {
    const found = await nodeNamed(fixture, node)
    const condition = conditionOf(found, CAUSE)
    assert.equal(condition?.status, 'True', `condition of ${node}: ${JSON.stringify(condition)}`)
    assert.equal(found.metadata.labels?.[LABEL], 'nfs')
    return condition
  })

const unflagged = (fixture: Fixture, node: string) =>
  fixture.eventually(async () => {
    const found = await nodeNamed(fixture, node)
    assert.equal(conditionOf(found, CAUSE)?.status ?? 'False', 'False')
    assert.equal(found.metadata.labels?.[LABEL], undefined)
    return found
  })

const flag: Scenario = {
  name: 'c-flag',
  title:
    'a node without the helper is flagged within seconds, with the package to install; the flag is removed once it is installed',
  core: true,
  lane: 'second worker',
  timeoutMs: 300_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, operator, note, say, eventually } = fixture
    const node = cluster.workers[1] ?? ''
    await withoutHelper(fixture, node)
    await forgetting(fixture, node, CAUSE)
    await nodePolicy(fixture, [CAUSE], [{ type: 'FlagNode' }])
    await apply(nfsPod(namespace, node))
    const failed = await podEvent(fixture, 'FailedMount', "unknown filesystem type 'nfs'")
    const condition = await flagged(fixture, node)
    const after = (Date.now() - firstOf(failed)) / 1000
    assert.match(condition?.message ?? '', new RegExp(`\\b${PACKAGE}\\b`))
    say(`the node reports: ${condition?.reason}: ${condition?.message}`)
    for (const other of othersThan(fixture, node)) await unflagged(fixture, other)
    const event = await eventOfNode(fixture, node, 'NodeFlagged')
    assert.match(event.message ?? '', new RegExp(PACKAGE))
    await eventually(async () =>
      assert.match(await operator.metrics(), new RegExp(`^podmend_\\w*flag\\w*\\{[^}]*${CAUSE}[^}]*\\} 1`, 'm')),
    )
    const { out, err } = await runMend(['explain', 'pod/web', '-n', namespace], cluster.kubeconfig)
    assert.match(out, new RegExp(PACKAGE), err)
    say(out.trim())
    await installByHand(fixture, node)
    const installed = Date.now()
    await unflagged(fixture, node)
    note(
      `flagged ${after.toFixed(1)} s after the first failure, cleared ${((Date.now() - installed) / 1000).toFixed(1)} s after the package was installed`,
    )
  },
}

const taint: Scenario = {
  name: 'c-taint',
  title: 'a policy that starts to ask for a taint adds it to the existing flag; both are removed together',
  alone: true,
  run: async (fixture) => {
    const { cluster, namespace, apply, eventually } = fixture
    const node = cluster.workers[1] ?? ''
    await withoutHelper(fixture, node)
    await forgetting(fixture, node, CAUSE)
    await nodePolicy(fixture, [CAUSE], [{ type: 'FlagNode' }])
    await apply(nfsPod(namespace, node))
    await flagged(fixture, node)
    const taints = async (): Promise<readonly string[]> => {
      const { spec } = await nodeNamed(fixture, node)
      return (spec?.taints ?? []).map(({ key, value, effect }) => `${key}=${value}:${effect}`)
    }
    assert.deepEqual(await taints(), [])
    await nodePolicy(fixture, [CAUSE], [{ type: 'FlagNode', flagNode: { taint: 'NoSchedule' } }])
    await eventually(async () => assert.deepEqual(await taints(), [`${LABEL}=nfs:NoSchedule`]))
    fixture.onEnd(() => onNode(fixture, node, `rm -f ${HELPER}`))
    await onNode(fixture, node, `printf '#!/bin/sh\\nexit 1\\n' >${HELPER}; chmod +x ${HELPER}`)
    await unflagged(fixture, node)
    await eventually(async () => assert.deepEqual(await taints(), []))
  },
}

const install: Scenario = {
  name: 'c-install',
  title: 'with InstallMountHelper allowed, the package is installed on that node and on no other',
  core: true,
  // With the one in which a person installs it: each asks that no other node has it.
  lane: 'second worker',
  timeoutMs: 300_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, note } = fixture
    const node = cluster.workers[1] ?? ''
    for (const each of cluster.workers) await withoutHelper(fixture, each)
    await forgetting(fixture, node, CAUSE)
    await apply(nfsPod(namespace, node))
    await podEvent(fixture, 'FailedMount', "unknown filesystem type 'nfs'")
    const allowed = Date.now()
    await nodePolicy(fixture, [CAUSE], [{ type: 'InstallMountHelper' }])
    await fixture.eventually(async () => assert.ok(await hasHelper(fixture, node), 'the helper is there'))
    const installer = await fixture.eventually(async () => {
      const [pod] = (await fixture.pods(`${INSTALL_LABEL}=true`, NAMESPACE)).filter(
        ({ spec }) => spec?.nodeName === node,
      )
      assert.equal(pod?.status?.phase, 'Succeeded', 'the pod that installs it ends well')
      return pod
    })
    fixture.onEnd(() =>
      fixture.kubectl(['delete', 'pod', installer?.metadata.name ?? '', '-n', NAMESPACE, '--ignore-not-found']),
    )
    note(`installed ${((Date.now() - allowed) / 1000).toFixed(1)} s after a policy allowed it`)
    for (const other of othersThan(fixture, node)) assert.ok(!(await hasHelper(fixture, other)), `not on ${other}`)
    await nodeRecord(fixture, node, CAUSE)
    await fixture.eventually(async () => {
      const [record] = await recordsOf(fixture, node, CAUSE)
      assert.equal(record?.status?.attempts?.length, 1, 'installed once')
    })
    assert.deepEqual(await tasksSince(fixture, node, 'RestartRuntime', allowed), [])
  },
}

export const scenarios: readonly Scenario[] = [flag, install, taint]
