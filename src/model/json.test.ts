import { expect, test } from 'vitest'
import { escapePointer, valueAtPointer } from './json.ts'

const document = { metadata: { annotations: { 'a/b~c': 'x' } }, list: [{ name: 'first' }] }

test('keys with a slash or a tilde are found by their escaped form', () => {
  expect(escapePointer('a/b~c')).toBe('a~1b~0c')
  expect(valueAtPointer(document, `/metadata/annotations/${escapePointer('a/b~c')}`)).toBe('x')
  // RFC 6901: `~01` is a tilde and a one, never a slash.
  expect(valueAtPointer({ '~1': 'y' }, '/~01')).toBe('y')
})

test('lists are indexed, the empty pointer is the document, and what is not there is undefined', () => {
  expect(valueAtPointer(document, '/list/0/name')).toBe('first')
  expect(valueAtPointer(document, '')).toBe(document)
  expect(valueAtPointer(document, '/list/1/name')).toBeUndefined()
  expect(valueAtPointer(document, '/list/0/name/first')).toBeUndefined()
})
