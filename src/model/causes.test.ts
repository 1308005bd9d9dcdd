import { describe, expect, it } from 'vitest'
import { areaOf, CAUSES, possibleCausesOf } from './causes.ts'

describe('what a registry may turn a cause into', () => {
  it.each([
    ['Unauthorized', 'ProjectNotFound'],
    ['Unauthorized', 'RepositoryNotFoundOrDenied'],
    ['Unauthorized', 'ManifestNotFound'],
    ['RepositoryNotFoundOrDenied', 'ProjectNotFound'],
    ['RepositoryNotFoundOrDenied', 'Unauthorized'],
    ['ManifestNotFound', 'ProjectNotFound'],
    ['BackOffOnly', 'ProjectNotFound'],
    ['BackOffOnly', 'RateLimited'],
  ] as const)('%s into %s', (from, to) => {
    expect(possibleCausesOf(from)).toContain(to)
  })

  it('is another cause of the same area, never Unknown, never itself', () => {
    for (const cause of CAUSES) {
      expect(possibleCausesOf(cause)).not.toContain(cause)
      for (const finer of possibleCausesOf(cause)) expect(areaOf(finer)).toBe('image')
    }
  })

  it('is nothing where the message settles it', () => {
    expect(possibleCausesOf('DiskFull')).toEqual([])
    expect(possibleCausesOf('IptablesChainMissing')).toEqual([])
    expect(possibleCausesOf('Unknown')).toEqual([])
  })
})
