import { expect, test } from 'vitest'
import { formatSelector, selects } from './label-selector.ts'

const labels = { app: 'web', tier: 'front' }

test.each([
  ['an empty selector', {}, true],
  ['a label', { matchLabels: { app: 'web' } }, true],
  ['another value', { matchLabels: { app: 'api' } }, false],
  ['a label that only an object has by itself', { matchLabels: { constructor: 'x' } }, false],
  ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] }, true],
  ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
  ['NotIn of a missing label', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, true],
  ['Exists', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
  ['DoesNotExist', { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
  ['an unknown operator', { matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] }, false],
  [
    'labels and expressions together',
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['back'] }] },
    false,
  ],
])('%s', (_, selector, selected) => {
  expect(selects(selector, labels)).toBe(selected)
})

test('a selector is written as the API server reads it; one that selects everything is not written', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['a', 'b'] },
    { key: 'zone', operator: 'DoesNotExist' },
  ]
  expect(formatSelector({ matchLabels: { app: 'web' }, matchExpressions })).toBe('app=web,tier in (a,b),!zone')
  expect(formatSelector({})).toBeUndefined()
  expect(formatSelector(undefined)).toBeUndefined()
})
