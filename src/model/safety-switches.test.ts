import { describe, expect, test } from 'vitest'
import { excludes, oddExcludes, oddPauses, pauses } from './names.ts'

const EXCLUDE = 'podmend.io/exclude'
const PAUSED = 'podmend.io/paused'
const STOPPING = ['true', 'True', 'TRUE', 'yes', '1', '', ' ', '0', 'no', 'False', ' false']

describe('a safety switch', () => {
  test.each(STOPPING)('stops with the value %j', (value) => {
    expect(pauses({ annotations: { [PAUSED]: value } })).toBe(true)
    expect(excludes({ annotations: { [EXCLUDE]: value } })).toBe(true)
    expect(excludes({ labels: { [EXCLUDE]: value } })).toBe(true)
  })

  test('does not stop with an explicit false, nor where it is absent', () => {
    for (const annotations of [undefined, {}, { other: 'true' }, { [PAUSED]: 'false', [EXCLUDE]: 'false' }]) {
      expect(pauses({ annotations })).toBe(false)
      expect(excludes({ annotations, labels: annotations })).toBe(false)
    }
  })

  test('stops if either the label or the annotation does', () => {
    expect(excludes({ labels: { [EXCLUDE]: 'false' }, annotations: { [EXCLUDE]: 'yes' } })).toBe(true)
    expect(excludes({ labels: { [EXCLUDE]: 'yes' }, annotations: { [EXCLUDE]: 'false' } })).toBe(true)
  })

  test('tells which values it does not understand', () => {
    expect(oddPauses({ annotations: { [PAUSED]: 'True' } })).toEqual(['True'])
    expect(oddPauses({ annotations: { [PAUSED]: 'true' } })).toEqual([])
    expect(oddExcludes({ labels: { [EXCLUDE]: '1' }, annotations: { [EXCLUDE]: '' } })).toEqual(['1', ''])
    expect(oddExcludes({ labels: { [EXCLUDE]: 'false' } })).toEqual([])
  })
})
