import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'
import { testKubernetes } from '../test-context.ts'

/** A Kubernetes that is built from its modules. */
interface Version {
  readonly major: string
  readonly minor: string
  /** As `kubectl version` shows it for server and client; the go.mod names it. */
  readonly gitVersion: string
  /** Its go.mod, where that is not the one beside the sources. */
  readonly modfile?: string
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const NEWEST: Version = { major: '1', minor: '36', gitVersion: 'v1.36.3' }
/** The oldest that podmend supports. */
const OLDEST: Version = { major: '1', minor: '32', gitVersion: 'v1.32.13', modfile: path('go-1.32/go.mod') }

const ldflagsOf = ({ gitVersion, major, minor }: Version): string => {
  const versions = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((place) => [
    `-X ${place}.gitVersion=${gitVersion}`,
    `-X ${place}.gitMajor=${major}`,
    `-X ${place}.gitMinor=${minor}`,
  ])
  return ['-s -w', ...versions].join(' ')
}

const SOURCE = path('go')
const LINKS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'supervise', 'certify']

/** The version of Kubernetes that is built for nodes, as `v1.36.3`. */
export const KUBERNETES_VERSION = NEWEST.gitVersion

/** The version that `testKubernetes` names, else the newest. Throws where there is no such one. */
const wantedVersion = (): Version => {
  const wanted = testKubernetes()
  if (wanted === undefined) return NEWEST
  const found = [NEWEST, OLDEST].find(({ major, minor }) => wanted === `${major}.${minor}`)
  if (!found) throw new Error(`Kubernetes ${wanted} cannot be built here; expected 1.36 or 1.32`)
  return found
}

/** The folder with etcd, kube-apiserver, kube-controller-manager, kubectl and supervise: one file by several names. */
export const controlPlaneBinaries = (): Promise<string> => {
  const version = wantedVersion()
  return builtBinary({
    name: 'control-plane',
    source: SOURCE,
    ...(version.modfile !== undefined && { modfile: version.modfile }),
    ldflags: ldflagsOf(version),
    patience: '4 to 7 minutes',
    links: LINKS,
  })
}

/** The same of the newest, with what nodes need: kubelet, kubeadm, kube-proxy and kube-scheduler. */
export const nodeBinaries = (): Promise<string> =>
  builtBinary({
    name: 'kubernetes',
    source: SOURCE,
    ldflags: ldflagsOf(NEWEST),
    patience: '5 to 8 minutes',
    links: [...LINKS, 'kubelet', 'kubeadm', 'kube-proxy', 'kube-scheduler'],
    tags: ['nodes'],
  })
