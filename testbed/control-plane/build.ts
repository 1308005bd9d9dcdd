import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'

/** The version of Kubernetes that go.mod names; `kubectl version` shows it for server and client. */
const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.3' }

const versionFlags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((place) => [
  `-X ${place}.gitVersion=${VERSION.gitVersion}`,
  `-X ${place}.gitMajor=${VERSION.major}`,
  `-X ${place}.gitMinor=${VERSION.minor}`,
])

const SOURCE = fileURLToPath(new URL('go', import.meta.url))
const LDFLAGS = ['-s -w', ...versionFlags].join(' ')
const LINKS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'supervise', 'certify']

/** The version of Kubernetes that is built, as `v1.36.3`. */
export const KUBERNETES_VERSION = VERSION.gitVersion

/** The folder with etcd, kube-apiserver, kube-controller-manager, kubectl and supervise: one file by several names. */
export const controlPlaneBinaries = (): Promise<string> =>
  builtBinary({
    name: 'control-plane',
    source: SOURCE,
    ldflags: LDFLAGS,
    patience: '4 to 7 minutes',
    links: LINKS,
  })

/** The same with what nodes need: kubelet, kubeadm, kube-proxy and kube-scheduler. */
export const nodeBinaries = (): Promise<string> =>
  builtBinary({
    name: 'kubernetes',
    source: SOURCE,
    ldflags: LDFLAGS,
    patience: '5 to 8 minutes',
    links: [...LINKS, 'kubelet', 'kubeadm', 'kube-proxy', 'kube-scheduler'],
    tags: ['nodes'],
  })
