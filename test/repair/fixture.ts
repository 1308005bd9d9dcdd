/** What every test of repairs begins with: a cluster with nodes, a registry whose project moved, and the controller. */
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
import type { FakeKubelet, FakeKubeletOptions } from '../../testbed/kubelet/fake-kubelet.ts'
import { type MovedProject, movedProjectPolicy, startMovedProject } from '../../testbed/moved-project.ts'
import type { HarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import type { Registry } from '../../testbed/registry/registry.ts'

export { HOST, NEW, OLD } from '../../testbed/moved-project.ts'

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
  /** The only record of a namespace that is as wanted; of the others, which came before or after it, one is open at most. */
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

/** A control plane, a registry, kubelets and one controller for a test file. */
export const useFixture = (options: FixtureOptions = {}): Fixture => {
  const cluster = useControlPlane()
  const started: Controller[] = []
  let parts: (MovedProject & { api: Api; kubeconfig: string }) | undefined
  const up = () => {
    if (!parts) throw new Error('the scene is there inside tests and hooks only')
    return parts
  }

  const start = async ({ args = [], ...rest }: Partial<ControllerOptions> = {}): Promise<Controller> => {
    const all = [...up().controllerFlags, ...(options.args ?? []), ...args]
    const controller = await startController({ kubeconfig: up().kubeconfig, ...rest, args: all })
    started.push(controller)
    return controller
  }

  beforeAll(async () => {
    const project = await startMovedProject({
      kubeconfig: cluster.plane.kubeconfig,
      nodes: options.nodes ?? ['node-1', 'node-2'],
    })
    const kubeconfig = await installController(cluster.plane, { actions: options.actions ?? true })
    // What is looked at again and again is not read by kubectl: each time it is a process of its own.
    parts = { ...project, api: openApi(cluster.plane.kubeconfig), kubeconfig }
    if (options.runs ?? true) await start()
  }, 180_000)

  afterAll(async () => {
    for (const controller of started) await controller.kill('SIGKILL')
    parts?.api.close()
    await parts?.down()
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
      await cluster.applyYaml(JSON.stringify(movedProjectPolicy(namespace, name, spec)))
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
        const [only, ...others] = found.filter(fits)
        const open = found.filter(({ status }) => status?.finishedAt === undefined)
        if (!only || others.length > 0 || open.length > 1) {
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
