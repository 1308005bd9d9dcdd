import type { Runtime } from './row.ts'

/** Words that only one runtime uses, most telling first; in the normal form of messages. */
export const RUNTIME_PHRASES: readonly (readonly [Runtime, readonly string[]])[] = [
  ['docker', ['error response from daemon', '/var/lib/docker/', 'docker0', 'networkplugin cni failed']],
  [
    'containerd',
    [
      'failed to pull and unpack image',
      'failed to resolve reference',
      'containerd',
      'network for sandbox "',
      'failed to get sandbox image',
      'failed to reserve sandbox name',
      'failed to reserve container name',
    ],
  ],
  [
    'crio',
    [
      'initializing source docker://',
      'pinging container registry',
      'pinging docker registry',
      'reading manifest ',
      'short-name ',
      'short name mode',
      'crio-',
      'error creating pod sandbox with name',
      'error reserving ctr name',
      'error reserving pod name',
      'hostport mapping for sandbox',
    ],
  ],
  ['kubelet', ['back-off pulling image', 'back-off restarting failed', 'mountvolume.', 'unable to attach or mount']],
]
