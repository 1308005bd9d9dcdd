import { describe, expect, test } from 'vitest'
import { distance, similarNames } from './edit-distance.ts'

describe('distance', () => {
  test.each([
    ['nginx', 'nginx', 0],
    ['ngnix', 'nginx', 0.6],
    ['nfinx', 'nginx', 0.6],
    ['nginxx', 'nginx', 0.6],
    ['rss_php', 'rss-php', 0.6],
    ['nqinx', 'nginx', 1],
    ['ginx', 'nginx', 1],
  ])('%s is typed for %s at %d', (a, b, is) => {
    expect(distance(a, b)).toBeCloseTo(is)
    expect(distance(b, a)).toBeCloseTo(is)
  })

  test('of names that no registry takes is not worked out', () => {
    expect(distance('a'.repeat(100_000), 'b'.repeat(100_000))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('near names', () => {
  const names = ['nickchase/rss-php-nginx', 'nickchase/rss-php-apache', 'library/nginx']

  test('are those that a slip makes of each other, nearest first', () => {
    expect(similarNames('nickchase/rss-php-ngnix', names)).toEqual([{ name: 'nickchase/rss-php-nginx', distance: 0.6 }])
    expect(
      similarNames('librari/nginx', [...names, 'library/nginx1', 'library/nginxx']).map(({ name }) => name),
    ).toEqual(['library/nginx', 'library/nginxx'])
  })

  test.each([
    ['another number is another thing', 'library/redis6', ['library/redis7']],
    ['another version is another thing', '1.25.8', ['1.25.9', '1.26.8']],
    ['a short name is near to everything', 'web', ['wed', 'we']],
    ['a word of its own is none', 'web/frontend', ['web/backend']],
    ['itself is none', 'library/nginx', ['library/nginx']],
  ])('%s', (_, typed, others) => {
    expect(similarNames(typed, others)).toEqual([])
  })

  test('of a tag are those that differ in letters', () => {
    expect(similarNames('1.25-apline', ['1.25-alpine', '1.24-alpine', '1.25']).map(({ name }) => name)).toEqual([
      '1.25-alpine',
    ])
    expect(similarNames('lastest', ['latest', 'stable'])[0]?.name).toBe('latest')
  })
})
