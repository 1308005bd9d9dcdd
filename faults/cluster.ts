/** The cluster of a sweep, and its lanes: places where one run after the other is played, beside the other lanes'. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { bundle } from '../scripts/build/bundle.ts'
import { pathOf } from '../src/kube/paths.ts'
import { type ControlPlane, startControlPlane } from '../testbed/control-plane/control-plane.ts'
import { CONTROLLER_USER, installController } from '../testbed/controller.ts'
import { eventually } from '../testbed/eventually.ts'
import { type Api, ApiError, openApi } from '../testbed/kubelet/api.ts'
import { type Kubectl, kubectlOf } from '../testbed/kubectl.ts'
import { type MovedProject, startMovedProject } from '../testbed/moved-project.ts'
import { temporaryDirectory } from '../testbed/temporary.ts'
import { type AuditReader, createAuditReader } from './history.ts'

const ROOT = join(import.meta.dirname, '..')
const CACHE = join(ROOT, 'node_modules', '.cache')

export interface Lane {
  /** The operator's namespace in this lane; it has its own lease and its own annotation that pauses. */
  readonly operator: string
  /** Nodes that only this lane's pods run on. */
  readonly nodes: readonly string[]
  /** Selects those nodes. */
  readonly nodeLabel: string
}

export interface FaultCluster {
  readonly plane: ControlPlane
  /** The administrator's. */
  readonly api: Api
  readonly kubectl: Kubectl
  /** Of the controller's service account. */
  readonly kubeconfig: string
  readonly project: MovedProject
  readonly audit: AuditReader
  /** The controller as it is shipped. */
  readonly program: string
  /** The agent as it is shipped. */
  readonly agent: string
  readonly lanes: readonly Lane[]
  /** A fresh namespace in which pods can be created. */
  namespace(name: string): Promise<void>
  apply(object: object): Promise<unknown>
  down(): Promise<void>
}

/** Where one run is played. */
export interface Place {
  readonly cluster: FaultCluster
  readonly lane: Lane
  readonly namespace: string
  /** Aborted when the run is over. */
  readonly signal: AbortSignal
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

const LANE_LABEL = 'faults.podmend.io/lane'

/** The same rights in a lane's operator namespace as the manifests give in the usual one, and no more. */
const rightsIn = (namespace: string): readonly object[] =>
  ['rbac.yaml', 'allow-actions.yaml']
    .flatMap((name) => parseAllDocuments(readFileSync(join(ROOT, 'manifests', name), 'utf8')))
    .map((document) => document.toJS() as Manifest)
    .filter(({ kind, metadata }) => (kind === 'Role' || kind === 'RoleBinding') && metadata.namespace !== undefined)
    .map((manifest) => ({ ...manifest, metadata: { ...manifest.metadata, namespace } }))

export const isConflict = (cause: unknown): boolean => cause instanceof ApiError && cause.status === 409

/** Starts everything; the caller ends it with `down`. */
export const makeFaultCluster = async (lanes: number, progress: (text: string) => void): Promise<FaultCluster> => {
  // Of its own, as sweeps may run side by side; the programs read the package.json above them.
  mkdirSync(CACHE, { recursive: true })
  const bundles = temporaryDirectory('podmend-faults-', CACHE)
  progress('bundling the controller')
  await bundle(bundles.path)
  progress('starting a control plane')
  const plane = await startControlPlane({ auditBodiesOf: [CONTROLLER_USER] })
  try {
    const kubectl = kubectlOf(plane)
    const kubeconfig = await installController(plane)
    const api = openApi(plane.kubeconfig)
    const made = Array.from({ length: lanes }, (_, index): Lane => {
      return {
        operator: `operator-${index}`,
        nodes: [`lane-${index}-a`, `lane-${index}-b`],
        nodeLabel: `${LANE_LABEL}=${index}`,
      }
    })
    const namespace = async (name: string): Promise<void> => {
      await api.call('POST', pathOf({ kind: 'Namespace' }), { metadata: { name } })
      const account = pathOf({ kind: 'ServiceAccount', namespace: name, name: 'default' })
      await eventually(() => api.call('GET', account), { everyMs: 25 })
    }
    for (const { operator } of made) {
      await namespace(operator)
      const input = rightsIn(operator).map((object) => `---\n${JSON.stringify(object)}\n`)
      await kubectl(['apply', '-f', '-'], { input: input.join('') })
    }
    const nodes = made.flatMap((lane, index) =>
      lane.nodes.map((name) => ({ name, labels: { [LANE_LABEL]: String(index) } })),
    )
    const project = await startMovedProject({ kubeconfig: plane.kubeconfig, nodes })
    await project.registry.pushImage('team/web', '1')
    return {
      plane,
      api,
      kubectl,
      kubeconfig,
      project,
      audit: createAuditReader(plane.auditLog),
      program: join(bundles.path, 'controller.js'),
      agent: join(bundles.path, 'agent.js'),
      lanes: made,
      namespace,
      apply: async (object) => {
        const { apiVersion, kind, metadata } = object as Manifest & { apiVersion: string }
        const collection = pathOf({ apiVersion, kind, namespace: metadata.namespace })
        return api.call('POST', collection, object).catch((cause: unknown) => {
          if (!isConflict(cause)) throw cause
          const path = `${collection}/${metadata.name}`
          return api.call('PATCH', path, object, 'application/merge-patch+json')
        })
      },
      down: async () => {
        await project.down()
        api.close()
        await plane.down()
        bundles.remove()
      },
    }
  } catch (cause) {
    await plane.down()
    bundles.remove()
    throw new Error('preparing the cluster', { cause })
  }
}
