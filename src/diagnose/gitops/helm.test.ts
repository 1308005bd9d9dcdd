import { expect, test } from 'vitest'
import { imageValues } from './helm.ts'

const IMAGE = 'harbor.od.com/k8s/web:1.6.1'

test.each<readonly [string, unknown, readonly string[]]>([
  ['as a whole', { web: { image: IMAGE } }, ['web.image']],
  [
    'by repository and tag',
    { image: { repository: 'harbor.od.com/k8s/web', tag: '1.6.1' } },
    ['image.repository', 'image.tag'],
  ],
  ['below its own registry', { image: { registry: 'harbor.od.com', repository: 'k8s/web' } }, ['image.repository']],
  ['in a list', { extra: [{ image: 'other:1' }, { image: IMAGE }] }, ['extra[1].image']],
  ["by Argo CD's dotted names", { 'image.repository': 'harbor.od.com/k8s/web' }, ['image.repository']],
  ['nowhere', { image: { repository: 'other', tag: '1.6.1' } }, []],
  ['in no values', undefined, []],
])('an image stands in values %s', (_, values, paths) => {
  expect(imageValues(values, IMAGE)).toEqual(paths)
})

test('what refers to itself comes to an end', () => {
  const values: Record<string, unknown> = {}
  values['self'] = values
  expect(imageValues(values, IMAGE)).toEqual([])
})
