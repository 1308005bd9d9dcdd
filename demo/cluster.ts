/** The demo's environment: control plane, registry, fake kubelets, and the controller as its own process. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ControlPlane, startControlPlane } from '../testbed/control-plane/control-plane.ts'
import { type Controller, installController, startController } from '../testbed/controller.ts'
import { eventually } from '../testbed/eventually.ts'
import { type Kubectl, kubectlOf } from '../testbed/kubectl.ts'
import { startFakeKubelet } from '../testbed/kubelet/fake-kubelet.ts'
import { type HarborProxy, startHarborProxy } from '../testbed/registry/harbor-proxy.ts'
import { writeHostsDir } from '../testbed/registry/hosts-directory.ts'
import { startRegistry } from '../testbed/registry/registry.ts'
import { temporaryDirectory } from '../testbed/temporary.ts'
import { HOST, IMAGES, NODES, PLATFORMS, POLICY, PROXIES, ROBOT } from './fixture.ts'
import type { Timeline } from './timeline.ts'

export interface DemoCluster {
  readonly plane: ControlPlane
  readonly kubectl: Kubectl
  /** By the registry host in image names. */
  readonly proxies: ReadonlyMap<string, HarborProxy>
  readonly hostsDir: string
  readonly controller: Controller
  /** Temporary files, deleted at the end. */
  readonly directory: string
}

export const CONTROLLER_LOG = 'controller.jsonl'

export type OnClose = (close: () => unknown) => void

/** The registry is on loopback, which the controller and the command refuse unless it is allowed. */
export const REGISTRY_ADDRESSES = '127.0.0.0/8'
/** Real kubelets start with 10 s. A shorter time does not speed up the demo, because a new pod has no back-off. */
const TIMING = { pullBackoffMs: 3000, pullBackoffMaxMs: 10_000 }

const root = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`

const startRegistries = async (onClose: OnClose): Promise<{ proxies: Map<string, HarborProxy>; digest: string }> => {
  const registry = await startRegistry()
  onClose(registry.down)
  let digest = ''
  for (const { repository, tag } of IMAGES) {
    const pushed = await registry.pushImage(repository, tag, { platforms: PLATFORMS })
    digest ||= pushed.digest
  }
  const proxies = new Map<string, HarborProxy>()
  for (const [host, kind] of Object.entries(PROXIES)) {
    const users = { [ROBOT.user]: ROBOT.password }
    const proxy = await startHarborProxy({ registry: registry.url, users, ...kind })
    onClose(proxy.down)
    proxies.set(host, proxy)
  }
  return { proxies, digest }
}

/** Starts everything. Hands what it started to `onClose`, in order, also if a later part fails. */
export const startDemoCluster = async (timeline: Timeline, onClose: OnClose): Promise<DemoCluster> => {
  const say = (what: string, text: string): void => timeline.say({ who: 'demo', what, text })
  const { path: directory, remove } = temporaryDirectory('podmend-demo.')
  onClose(remove)

  let began = Date.now()
  const plane = await startControlPlane()
  onClose(plane.down)
  const kubectl = kubectlOf(plane)
  say('ControlPlane', `etcd, kube-apiserver and kube-controller-manager on loopback, RBAC on (${seconds(began)})`)

  began = Date.now()
  const { proxies, digest } = await startRegistries(onClose)
  const hostsDir = join(directory, 'certs.d')
  mkdirSync(hostsDir)
  writeHostsDir(hostsDir, Object.fromEntries([...proxies].map(([host, { url }]) => [host, url])))
  const names = [...proxies.keys()].join(', ')
  say('Registry', `a real registry with real images, behind proxies that behave like ${names} (${seconds(began)})`)
  const { repository, tag } = IMAGES[0]
  say('Registry', `${HOST} has no project k8s any more; it has ${repository}:${tag} (${digest.slice(0, 19)}…)`)

  began = Date.now()
  const kubeconfig = await installController(plane)
  await kubectl(['apply', '-f', root('examples')])
  say('Installed', `CRDs, roles and the policies of examples/, all in mode Observe (${seconds(began)})`)

  const kubelet = await startFakeKubelet({ kubeconfig: plane.kubeconfig, nodes: NODES, hostsDir, timing: TIMING })
  onClose(kubelet.stop)

  began = Date.now()
  const log = join(directory, CONTROLLER_LOG)
  const controller = await startController({
    kubeconfig,
    args: ['--registry-hosts-dir', hostsDir, '--allow-registry-address', REGISTRY_ADDRESSES],
    onLog: (line) => appendFileSync(log, `${JSON.stringify(line)}\n`),
  })
  onClose(() => controller.kill())
  const ready = async (): Promise<void> => {
    const { ok } = await fetch(`http://127.0.0.1:${controller.port}/readyz`)
    if (!ok) throw new Error('the controller is not ready')
  }
  await eventually(ready, { everyMs: 50 })
  say(
    'Controller',
    `runs as its own process with the permissions of its ServiceAccount, not as admin (${seconds(began)})`,
  )
  return { plane, kubectl, proxies, hostsDir, controller, directory }
}

/** The owner's only edit: sets the policy to Enforce. Nothing else in the example changes. */
export const enforce = (kubectl: Kubectl): Promise<string> =>
  kubectl(['patch', 'rempol', POLICY, '--type=merge', '-p', JSON.stringify({ spec: { mode: 'Enforce' } })])
