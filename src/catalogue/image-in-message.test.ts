import { describe, expect, it } from 'vitest'
import { imageInMessage } from './image-in-message.ts'

describe('the image that a message names', () => {
  it.each([
    [
      'kubelet, before what it wraps',
      'Failed to pull image "a/b:1": rpc error: code = Unknown desc = failed to resolve reference "docker.io/a/b:1": not found',
      'a/b:1',
    ],
    ['a back-off', 'Back-off pulling image "harbor.od.com/k8s/coredns:1.6.1"', 'harbor.od.com/k8s/coredns:1.6.1'],
    [
      'a digest',
      `Failed to pull image "r.example:5000/a@sha256:${'0'.repeat(64)}": x`,
      `r.example:5000/a@sha256:${'0'.repeat(64)}`,
    ],
    ['containerd alone', 'failed to pull and unpack image "docker.io/library/web:1": x', 'docker.io/library/web:1'],
    ['escaped quotes', 'with ErrImagePull: "failed to resolve reference \\"a/b:1\\": x"', 'a/b:1'],
    ['a policy of Never', 'Container image "web:dev" is not present with pull policy of Never', 'web:dev'],
    [
      'the runtime, where kubelet leaves it empty',
      'Failed to inspect image "": short-name "a/b:1" did not resolve to an alias',
      'a/b:1',
    ],
    ['cri-o alone', 'initializing source docker://quay.io/a/b:1: reading manifest 1', 'quay.io/a/b:1'],
    ['docker alone', 'Error response from daemon: pull access denied for a/b, repository does not exist', 'a/b'],
    ['docker on a manifest', 'manifest for a/b:1 not found: manifest unknown', 'a/b:1'],
  ])('%s', (_, message, image) => {
    expect(imageInMessage(message)).toBe(image)
  })

  it.each([
    ['none', 'Error: ErrImagePull'],
    ['an empty quote', 'Failed to pull image "": x'],
    ['a text with blanks', 'Failed to pull image "{{ .Values.image }}": x'],
    ['one that never ends', `Failed to pull image "${'a'.repeat(100_000)}`],
  ])('is undefined for %s', (_, message) => {
    expect(imageInMessage(message)).toBeUndefined()
  })
})
