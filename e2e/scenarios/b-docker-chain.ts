/** The second of the incidents: Docker's firewall chain is gone from one node, and no pod's sandbox can be made there. */
import assert from 'node:assert/strict'
import { hasChain, loseChain } from '../docker-chain.ts'
import {
  DOCKER,
  forgetting,
  invocations,
  nodePolicy,
  nodeRecord,
  onNode,
  podEvent,
  podsOn,
  restartedOnly,
  RUNS,
  tasksSince,
} from '../nodes.ts'
import { barePod, daemonSet } from '../objects.ts'
import type { Scenario } from '../scenario.ts'
import { allStarted } from '../times.ts'
import { runMend } from '../users.ts'

const CAUSE = 'IptablesChainMissing'
const RESTART = [{ type: 'RestartRuntime' }]

const chain: Scenario = {
  name: 'b-chain',
  title: "if Docker's chain is missing on a node, Docker is restarted on that node only, and the pod there runs",
  core: true,
  breaks: true,
  lane: 'first worker',
  run: async (fixture) => {
    const { cluster, namespace, apply, running, kubectl, note, say } = fixture
    const [node = ''] = cluster.workers
    await forgetting(fixture, node, CAUSE)
    await nodePolicy(fixture, [CAUSE], RESTART)
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const before = await invocations(fixture)
    const began = Date.now()
    await loseChain(fixture, node)
    for (const { metadata } of await podsOn(fixture, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])
    const failed = await podEvent(fixture, 'FailedCreatePodSandBox', 'iptables: No chain/target/match by that name')
    say(`the kubelet reports: ${failed.message}`)

    const record = await nodeRecord(fixture, node, CAUSE, { phase: 'Succeeded' })
    await running(2, 'app=web')
    assert.ok(await hasChain(fixture, node), 'the chain is back')
    await restartedOnly(fixture, before, [`${node} ${DOCKER}`])
    const tasks = await tasksSince(fixture, node, 'RestartRuntime', began)
    assert.equal(tasks.length, 1, 'one task')
    assert.equal(record.status?.attempts?.length, 1)
    const started = allStarted(await podsOn(fixture, node))
    const first = Date.parse(failed.firstTimestamp ?? failed.eventTime ?? '')
    assert.ok(started && !Number.isNaN(first))
    note(`first failure to Running ${(started.getTime() - first) / 1000} s; docker restarted on one node of three`)
  },
}

/** A port that a program of the node listens on, and one that Docker gave to a container. */
const TAKEN = { listens: 10250, published: 18080 }

const port: Scenario = {
  name: 'b-port-taken',
  title: 'a host port that is in use, as Docker reports it, is explained and nothing is restarted',
  core: true,
  breaks: true,
  lane: 'first worker',
  run: async (fixture) => {
    const { cluster, namespace, apply, pods, eventually, onEnd, note } = fixture
    const [node = ''] = cluster.workers
    const rule = `DOCKER ! -i docker0 -p tcp --dport ${TAKEN.published} -j DNAT --to-destination 192.168.199.2:80`
    onEnd(() => onNode(fixture, node, `iptables -t nat -D ${rule} || true`))
    await onNode(fixture, node, `iptables -t nat -A ${rule}`)
    const before = await invocations(fixture)
    const began = Date.now()
    await nodePolicy(fixture, [CAUSE, 'PortConflict'], RESTART)
    for (const [name, hostPort] of Object.entries(TAKEN)) {
      const containers = [{ name: 'web', image: RUNS, ports: [{ containerPort: 80, hostPort }] }]
      await apply(barePod(namespace, { name, podSpec: { nodeName: node, containers } }))
    }
    const failed = await podEvent(fixture, 'FailedCreatePodSandBox', 'port is already allocated')
    await podEvent(fixture, 'FailedCreatePodSandBox', 'address already in use')
    fixture.say(`the kubelet reports: ${failed.message}`)
    await eventually(async () => {
      const held = await fixture.records()
      const told = held.map(({ status }) => `${status?.cause} ${status?.phase} ${status?.reason}`)
      assert.equal(held.length, 2, `a record a pod: ${told.join('; ')}`)
      for (const { spec, status } of held) {
        assert.equal(status?.cause ?? spec.cause, 'PortConflict')
        assert.deepEqual(status?.attempts ?? [], [])
      }
    })
    const { out, err } = await runMend(['explain', 'pod/published', '-n', namespace], cluster.kubeconfig)
    assert.match(out, /PortConflict/, err)
    assert.match(out, /ss -ltnp/)
    assert.equal((await pods()).length, 2, 'both pods are left')
    assert.deepEqual(await tasksSince(fixture, node, 'RestartRuntime', began), [])
    await restartedOnly(fixture, before, [])
    note('explained; nothing restarted')
  },
}

export const scenarios: readonly Scenario[] = [chain, port]
