/** Wires the node agent: what it may inspect, the enabled verbs, its single watch. */
import { randomInt } from 'node:crypto'
import { createKubeClient } from '../kube/client.ts'
import { inClusterConnection } from '../kube/in-cluster.ts'
import type { NodeVerb } from '../model/node-tasks.ts'
import { sleep, systemClock as clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log-line.ts'
import type { AgentConfig } from './config.ts'
import { createCri } from './cri/client.ts'
import { createSystemd } from './host/systemd.ts'
import { readIdentity } from './identity.ts'
import { inspectChains } from './inspect/chains.ts'
import { createInspect, inspectDocker, readBootId } from './inspect/inspect.ts'
import { createTasks } from './tasks.ts'
import { createInspectVerb } from './verbs/inspect.ts'
import { createRecycleSandbox } from './verbs/recycle-sandbox.ts'
import { createRestartRuntime } from './verbs/restart-runtime.ts'
import { createUnavailable, type Verb } from './verbs/verb.ts'

/** What is made of the sockets that were given; a verb that lacks its socket sees nothing, and refuses. */
export const runAgent = async (config: AgentConfig, log: Log, signal: AbortSignal): Promise<void> => {
  const identity = await readIdentity(config.serviceAccountDir)
  const connection = await inClusterConnection({
    host: config.host,
    port: config.port,
    directory: config.serviceAccountDir,
  })
  const client = createKubeClient(connection, { userAgent: 'podmend-agent', maxSockets: 2 })
  const systemd = config.systemBus === undefined ? undefined : createSystemd({ path: config.systemBus, clock })
  const cri = config.criSocket === undefined ? undefined : createCri({ path: config.criSocket, clock })
  const inspect = createInspect({ config, clock, ...(systemd && { systemd }), ...(cri && { cri }) })
  const chains = () => inspectChains(config.chains)
  const docker = () => inspectDocker({ config, ...(systemd && { systemd }) })
  const all: Readonly<Record<NodeVerb, Verb>> = {
    Inspect: createInspectVerb(inspect),
    RecycleSandbox: cri
      ? createRecycleSandbox({ cri, clock })
      : createUnavailable('no access to the runtime: --cri-socket is not set'),
    RestartRuntime: systemd
      ? createRestartRuntime({ systemd, chains, docker, inspect, bootId: readBootId, clock, cri })
      : createUnavailable('no access to systemd: --system-bus is not set'),
  }
  const verbs = Object.fromEntries(Object.entries(all).filter(([verb]) => config.verbs.some((one) => one === verb)))

  const tasks = createTasks({
    client,
    clock,
    identity: () => readIdentity(config.serviceAccountDir).catch(() => identity),
    nodeName: identity.nodeName,
    namespace: config.namespace,
    verbs,
    onError: (message, about) => log.warn(message, about),
    onTask: (message, about) => log.info(message, about),
  })
  // All agents of a cluster start at once after an upgrade: they do not all ask at once.
  const jitterMs = config.startJitterMs < 1 ? 0 : randomInt(config.startJitterMs)
  log.info('started', { ...identity, verbs: Object.keys(verbs), jitterMs })
  await sleep(clock, jitterMs, signal)
  if (signal.aborted) return
  tasks.start()
  void tasks.synced.then(() => log.info('ready'))
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  log.info('stopping')
  await tasks.stop()
  systemd?.close()
  cri?.close()
}
