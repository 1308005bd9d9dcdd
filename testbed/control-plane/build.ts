import { fileURLToPath } from 'node:url'
import { builtBinary } from '../build/binary.ts'

/** The version of Kubernetes that go.mod names; `kubectl version` shows it for server and client. */
const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.3' }

const versionFlags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((place) => [
  `-X ${place}.gitVersion=${VERSION.gitVersion}`,
  `-X ${place}.gitMajor=${VERSION.major}`,
  `-X ${place}.gitMinor=${VERSION.minor}`,
])

/** The folder with etcd, kube-apiserver, kube-controller-manager, kubectl and supervise: one file by several names. */
export const controlPlaneBinaries = (): Promise<string> =>
  builtBinary({
    name: 'control-plane',
    source: fileURLToPath(new URL('go', import.meta.url)),
    ldflags: ['-s -w', ...versionFlags].join(' '),
    patience: '4 to 7 minutes',
    links: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'supervise', 'certify'],
  })
