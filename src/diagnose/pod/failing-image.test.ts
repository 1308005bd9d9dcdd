import { describe, expect, test } from 'vitest'
import { imageInMessage } from '../../catalogue/classify.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { failingImage } from './findings.ts'

const OWN = 'harbor.od.com/k8s/web:1'
const DIGEST = `sha256:${'0'.repeat(64)}`

const podWith = (...references: readonly string[]): Pod => ({
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', resourceVersion: '1' },
  spec: {
    containers: [{ name: 'web', image: OWN }],
    volumes: [{ name: 'data' }, ...references.map((reference, i) => ({ name: `v${i}`, image: { reference } }))],
  },
})

const find = (message: string, pod: Pod = podWith('harbor.od.com/k8s/model:9'), own = OWN) =>
  failingImage(pod, { named: imageInMessage(message), message, own })

const ofVolume = (image: string, volume = 'v0') => ({ image, imageSource: { kind: 'Volume', volume } })
const UNKNOWN = { imageSource: { kind: 'Unknown' } }

describe('the image that fails', () => {
  test.each<[string, string, (Pod | undefined)?, (string | undefined)?]>([
    ['the message names it', `Back-off pulling image "${OWN}": ErrImagePull: not found`],
    ['the message names none', 'rpc error: code = Unknown desc = unexpected EOF'],
    ['there is no message', ''],
    ['the message has an empty quote', 'Failed to pull image "": x'],
    [
      'it is named in its normal form',
      'failed to pull and unpack image "docker.io/library/nginx:1": x',
      podWith(),
      'nginx:1',
    ],
    ['Docker leaves out the tag', 'pull access denied for k8s/web, repository does not exist', podWith(), 'k8s/web:1'],
    [
      'its digest is named without its tag',
      `failed to resolve reference "a.example/b@${DIGEST}"`,
      podWith(),
      `a.example/b:1@${DIGEST}`,
    ],
    ['a mirror is named', 'initializing source docker://mirror.local/k8s/web:1: reading manifest 1'],
    [
      'a mirror with a prefix is named',
      'initializing source docker://mirror.local/proxy/k8s/web:1: reading manifest 1',
    ],
    ['an image volume has the same image', `Back-off pulling image "${OWN}"`, podWith(OWN)],
    ['it is no reference at all', 'Failed to apply default image tag "Foo/Bar": x', podWith(), 'Foo/Bar'],
    ['the message is cut within it', 'manifest for harbor.od.com/k8s/we'],
  ])('is the container’s own where %s', (...[, message, pod, own = OWN]) => {
    expect(find(message, pod, own)).toEqual({ image: own })
  })

  test.each<[string, string, string, (Pod | undefined)?]>([
    ['names it', 'Back-off pulling image "harbor.od.com/k8s/model:9": ErrImagePull: x', 'harbor.od.com/k8s/model:9'],
    [
      'names it in its normal form',
      'Back-off pulling image "docker.io/library/model:9"',
      'model:9',
      podWith('model:9'),
    ],
    ['names a mirror of it', 'initializing source docker://mirror.local/k8s/model:9: x', 'harbor.od.com/k8s/model:9'],
    ['is cut within it', 'manifest for harbor.od.com/k8s/mod', 'harbor.od.com/k8s/model:9'],
    [
      'names another tag of the container’s',
      'Back-off pulling image "harbor.od.com/k8s/web:2"',
      'harbor.od.com/k8s/web:2',
      podWith('harbor.od.com/k8s/web:2'),
    ],
    [
      'names the same path elsewhere',
      'Back-off pulling image "quay.io/k8s/web:1"',
      'quay.io/k8s/web:1',
      podWith('quay.io/k8s/web:1'),
    ],
  ])('is the image volume’s where the message %s', (_, message, image, pod) => {
    expect(find(message, pod)).toEqual(ofVolume(image))
  })

  test.each<[string, string, Pod]>([
    ['is nobody’s in this pod', 'Back-off pulling image "harbor.od.com/k8s/other:1"', podWith()],
    ['is another tag than the container’s', 'Back-off pulling image "harbor.od.com/k8s/web:2"', podWith()],
    ['could be either’s', 'initializing source docker://mirror.local/k8s/web:1: x', podWith('quay.io/k8s/web:1')],
    ['is cut before they differ', 'manifest for harbor.od.com/k8s', podWith('harbor.od.com/k8s/model:9')],
  ])('is of unknown source where the name %s', (_, message, pod) => {
    expect(find(message, pod)).toMatchObject(UNKNOWN)
  })
})
