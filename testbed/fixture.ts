/** What a test file that needs an API server begins with. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { clusterAtHand } from './control-plane/cluster-at-hand.ts'
import { type ControlPlane, startControlPlane } from './control-plane/control-plane.ts'
import { eventually } from './eventually.ts'
import { type Kubectl, kubectlOf } from './kubectl.ts'
import { testContext } from './test-context.ts'

export { eventually, type Patience } from './eventually.ts'

export interface TestCluster {
  /** Throws before the tests of the file run. */
  readonly plane: ControlPlane
  readonly kubectl: Kubectl
  /** `kubectl apply` of YAML or JSON text, by default as the administrator and in namespace `default`. */
  applyYaml(yaml: string, options?: { namespace?: string; kubeconfig?: string }): Promise<string>
  /** `kubectl get … -o json`, parsed. */
  get<T>(...args: readonly string[]): Promise<T>
  /** A fresh namespace in which pods can be created. */
  namespace(prefix?: string): Promise<string>
}

/** A control plane for this test file alone: up before its tests, gone after them. Or the cluster of `testContext`. */
export const useControlPlane = (): TestCluster => {
  let running: ControlPlane | undefined
  const started = (): ControlPlane => {
    if (!running) throw new Error('the control plane is there inside tests and hooks only')
    return running
  }
  beforeAll(async () => {
    const context = testContext()
    running = await (context === undefined ? startControlPlane() : clusterAtHand(context))
  }, 180_000)
  afterAll(async () => {
    await running?.down()
  })
  const kubectl: Kubectl = (args, run) => kubectlOf(started())(args, run)
  return {
    get plane() {
      return started()
    },
    kubectl,
    applyYaml: (yaml, { namespace, kubeconfig } = {}) =>
      kubectl(['apply', '-f', '-', ...(namespace === undefined ? [] : ['-n', namespace])], {
        // Without the line kubectl takes what begins with a brace for JSON, which YAML in flow style is not.
        input: `---\n${yaml}`,
        ...(kubeconfig !== undefined && { kubeconfig }),
      }),
    get: async <T>(...args: readonly string[]) => JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T,
    namespace: async (prefix = 'test') => {
      const name = `${prefix}-${randomUUID().slice(0, 8)}`
      await kubectl(['create', 'namespace', name])
      await eventually(() => kubectl(['get', 'serviceaccount', 'default', '-n', name]), { everyMs: 25 })
      return name
    },
  }
}
