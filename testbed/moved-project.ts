/** Incident A to play with: a registry whose project moved, kubelets that pull from it, and a policy that knows where it went. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FakeKubelet, type FakeKubeletOptions, startFakeKubelet } from './kubelet/fake-kubelet.ts'
import { type HarborProxy, type Project, startHarborProxy } from './registry/harbor-proxy.ts'
import { writeHostsDir } from './registry/hosts-directory.ts'
import { type Registry, startRegistry } from './registry/registry.ts'

export const HOST = 'harbor.od.com'
/** Where the project was, and where it is. */
export const OLD = `${HOST}/k8s`
export const NEW = `${HOST}/public`

const FAST = { pullBackoffMs: 200, pullBackoffMaxMs: 1_000, crashAfterMs: 400, crashBackoffMs: 500 }

export interface MovedProject {
  readonly registry: Registry
  readonly proxy: HarborProxy
  readonly kubelet: FakeKubelet
  /** Flags by which a controller finds the registry, and does not wait longer than these kubelets need. */
  readonly controllerFlags: readonly string[]
  readonly down: () => Promise<void>
}

export interface MovedProjectOptions {
  /** The administrator's. */
  readonly kubeconfig: string
  readonly nodes: FakeKubeletOptions['nodes']
}

/** Images `crashing` end again and again, images `lasting` run even where their pod is not restarted. */
export const startMovedProject = async ({ kubeconfig, nodes }: MovedProjectOptions): Promise<MovedProject> => {
  const hostsDir = mkdtempSync(join(tmpdir(), 'hosts-'))
  const registry = await startRegistry()
  for (const name of ['web', 'side', 'crashing', 'lasting']) await registry.pushImage(`public/${name}`, '1')
  const projects: readonly Project[] = [
    { name: 'public', public: true },
    { name: 'team', public: false },
  ]
  const proxy = await startHarborProxy({ registry: registry.url, projects, users: { robot: 'secret' } })
  writeHostsDir(hostsDir, { [HOST]: proxy.url })
  const kubelet = await startFakeKubelet({
    kubeconfig,
    nodes,
    hostsDir,
    timing: FAST,
    behave: ({ image }) =>
      image.includes('/crashing:') ? 'crashes' : image.includes('/lasting:') ? 'runs' : undefined,
  })
  return {
    registry,
    proxy,
    kubelet,
    // A kubelet's times are whole seconds, rounded down: after 1s a container that ran for an instant could pass.
    controllerFlags: [
      '--stabilization-window=2s',
      `--registry-hosts-dir=${hostsDir}`,
      '--allow-registry-address=127.0.0.0/8',
    ],
    down: async () => {
      await kubelet.stop()
      await proxy.down()
      await registry.down()
      rmSync(hostsDir, { recursive: true, force: true })
    },
  }
}

/** A policy for one namespace that knows where the project moved; `spec` is laid over it. */
export const movedProjectPolicy = (namespace: string, name = namespace, spec: object = {}): object => ({
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
