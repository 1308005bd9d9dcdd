/** What every test of repairs begins with: a cluster with nodes, a registry whose project moved, and the controller. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Remediation, RemediationPolicy } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { Pod, Workload } from '../../src/model/kubernetes.ts'
import { isBookkeeping, readWrites, type Write } from '../../testbed/audit.ts'
import {
  type Controller,
  CONTROLLER_USER,
  type ControllerOptions,
  installController,
  startController,
} from '../../testbed/controller.ts'
import { eventually, type Patience, type TestCluster, useControlPlane } from '../../testbed/fixture.ts'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { type FakeKubelet, type FakeKubeletOptions, startFakeKubelet } from '../../testbed/kubelet/fake-kubelet.ts'
import { type HarborProxy, type Project, startHarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry, startRegistry } from '../../testbed/registry/registry.ts'

export const HOST = 'harbor.od.com'
/** Where the project was, and where it is. */
export const OLD = `${HOST}/k8s`
export const NEW = `${HOST}/public`

/** Until a repair is proven, on a machine that is busy with other tests. */
export const PATIENTLY: Patience = { timeoutMs: 45_000, everyMs: 200 }

export interface FixtureOptions {
  /** Further flags of the controller. */
  readonly args?: readonly string[]
  readonly nodes?: FakeKubeletOptions['nodes']
  /** Whether the controller runs from the beginning; default true. */
  readonly runs?: boolean
  /** Whether the roles of actions are bound; default true. */
  readonly actions?: boolean
}

export interface Fixture {
  readonly cluster: TestCluster
  readonly registry: Registry
  readonly proxy: HarborProxy
  readonly kubelet: FakeKubelet
  /** The one that was started last. */
  readonly controller: Controller
  /** Kubeconfig of the controller's service account. */
  readonly kubeconfig: string
  /** Starts another controller, or the first. */
  start(options?: Partial<ControllerOptions>): Promise<Controller>
  /** Applies an object. */
  apply(object: object): Promise<string>
  /** A policy for one namespace that knows where the project moved; `spec` is laid over it. Its name is the namespace's. */
  policy(namespace: string, spec?: object, name?: string): Promise<RemediationPolicy>
  /** The only record of a namespace, once it is as wanted. */
  record(namespace: string, wanted?: Wanted, patience?: Patience): Promise<Remediation>
  records(namespace: string): Promise<Remediation[]>
  workload(kind: string, namespace: string, name?: string): Promise<Workload>
  pods(namespace: string): Promise<Pod[]>
  /** What the controller wrote to other people's objects of a namespace, dry runs and refusals left out. */
  writes(namespace: string): readonly Write[]
}

export interface Wanted {
  readonly phase?: string
  readonly reason?: string
}

const FAST = { pullBackoffMs: 200, pullBackoffMaxMs: 1_000, crashAfterMs: 400, crashBackoffMs: 500 }

const policyFor = (namespace: string, name: string, spec: object): object => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'RemediationPolicy',
  metadata: { name },
  spec: {
    mode: 'Enforce',
    match: {
      causes: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
      namespaces: [namespace],
      failingFor: '0s',
    },
    actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: `${OLD}/`, to: `${NEW}/` }] } }],
    ...spec,
  },
})

/** A control plane, a registry, kubelets and one controller for a test file. */
export const useFixture = (options: FixtureOptions = {}): Fixture => {
  const cluster = useControlPlane()
  const hostsDir = mkdtempSync(join(tmpdir(), 'hosts-'))
  const started: Controller[] = []
  let parts: { api: Api; registry: Registry; proxy: HarborProxy; kubelet: FakeKubelet; kubeconfig: string } | undefined
  const up = () => {
    if (!parts) throw new Error('the scene is there inside tests and hooks only')
    return parts
  }

  const start = async ({ args = [], ...rest }: Partial<ControllerOptions> = {}): Promise<Controller> => {
    // A kubelet's times are whole seconds, rounded down: after 1s a container that ran for an instant could pass.
    const flags = [
      '--stabilization-window',
      '2s',
      '--registry-hosts-dir',
      hostsDir,
      '--allow-registry-address',
      '127.0.0.0/8',
    ]
    const all = [...flags, ...(options.args ?? []), ...args]
    const controller = await startController({ kubeconfig: up().kubeconfig, ...rest, args: all })
    started.push(controller)
    return controller
  }

  beforeAll(async () => {
    const registry = await startRegistry()
    for (const name of ['web', 'side', 'crashing', 'lasting']) await registry.pushImage(`public/${name}`, '1')
    const projects: readonly Project[] = [
      { name: 'public', public: true },
      { name: 'team', public: false },
    ]
    const proxy = await startHarborProxy({ registry: registry.url, projects, users: { robot: 'secret' } })
    writeHostsDir(hostsDir, { [HOST]: proxy.url })
    const kubelet = await startFakeKubelet({
      kubeconfig: cluster.plane.kubeconfig,
      nodes: options.nodes ?? ['node-1', 'node-2'],
      hostsDir,
      timing: FAST,
      behave: ({ image }) =>
        image.includes('/crashing:') ? 'crashes' : image.includes('/lasting:') ? 'runs' : undefined,
    })
    const kubeconfig = await installController(cluster.plane, { actions: options.actions ?? true })
    // What is looked at again and again is not read by kubectl: each time it is a process of its own.
    parts = { api: openApi(cluster.plane.kubeconfig), registry, proxy, kubelet, kubeconfig }
    if (options.runs ?? true) await start()
  }, 180_000)

  afterAll(async () => {
    for (const controller of started) await controller.kill('SIGKILL')
    parts?.api.close()
    await parts?.kubelet.stop()
    await parts?.proxy.down()
    await parts?.registry.down()
    rmSync(hostsDir, { recursive: true, force: true })
  })

  const list = async <T>(kind: string, namespace: string): Promise<T[]> =>
    (await up().api.call<{ items: T[] }>('GET', pathOf({ kind, namespace }))).items

  const records = (namespace: string): Promise<Remediation[]> => list('Remediation', namespace)

  return {
    cluster,
    get registry() {
      return up().registry
    },
    get proxy() {
      return up().proxy
    },
    get kubelet() {
      return up().kubelet
    },
    get kubeconfig() {
      return up().kubeconfig
    },
    get controller() {
      const last = started.at(-1)
      if (!last) throw new Error('no controller was started')
      return last
    },
    start,
    apply: (object) => cluster.applyYaml(JSON.stringify(object)),
    policy: async (namespace, spec = {}, name = namespace) => {
      await cluster.applyYaml(JSON.stringify(policyFor(namespace, name, spec)))
      return cluster.get<RemediationPolicy>('rempol', name)
    },
    record: (namespace, { phase, reason } = {}, patience = PATIENTLY) =>
      eventually(async () => {
        const found = await records(namespace)
        const told = found.map(
          ({ metadata, status }) => `${metadata.name}: ${status?.phase} ${status?.reason} (${status?.message})`,
        )
        const fits = ({ status }: Remediation): boolean =>
          (phase === undefined || status?.phase === phase) && (reason === undefined || status?.reason === reason)
        const [only] = found
        if (found.length !== 1 || !only || !fits(only)) {
          throw new Error(`wanted one record ${phase ?? ''} ${reason ?? ''}, there is: ${told.join('; ') || 'none'}`)
        }
        return only
      }, patience),
    records,
    workload: (kind, namespace, name = 'web') => up().api.call('GET', pathOf({ kind, namespace, name })),
    pods: (namespace) => list('Pod', namespace),
    writes: (namespace) =>
      readWrites(cluster.plane.auditLog, CONTROLLER_USER).filter(
        (write) =>
          write.object.startsWith(`${namespace}/`) && !isBookkeeping(write) && !write.dryRun && write.status < 300,
      ),
  }
}
