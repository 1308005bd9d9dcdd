import { describe, expect, it } from 'vitest'
import { parseChallenges } from './auth.ts'

describe('challenges in a WWW-Authenticate header', () => {
  it.each<[string, string, readonly unknown[]]>([
    [
      'Docker Hub',
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"',
      [
        {
          scheme: 'bearer',
          params: {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:a/b:pull',
          },
        },
      ],
    ],
    ['Basic', 'Basic realm="harbor"', [{ scheme: 'basic', params: { realm: 'harbor' } }]],
    [
      'two at once',
      'Basic realm="a, b", Bearer realm="https://x/t" , service=y',
      [
        { scheme: 'basic', params: { realm: 'a, b' } },
        { scheme: 'bearer', params: { realm: 'https://x/t', service: 'y' } },
      ],
    ],
    [
      'odd spaces, capitals, escapes',
      'BEARER  Realm = "a\\"b" ,, SERVICE= s',
      [{ scheme: 'bearer', params: { realm: 'a"b', service: 's' } }],
    ],
    ['no parameters', 'Negotiate', [{ scheme: 'negotiate', params: {} }]],
    [
      'the first of two values',
      'Bearer realm="https://good/t", realm="https://bad/t"',
      [{ scheme: 'bearer', params: { realm: 'https://good/t' } }],
    ],
    [
      'an open quote',
      'Bearer realm="https://x',
      [
        { scheme: 'bearer', params: { realm: '' } },
        { scheme: 'https', params: {} },
        { scheme: 'x', params: {} },
      ],
    ],
    ['nothing', '', []],
    ['nonsense', '=,="☃"', []],
  ])('%s', (_, header, expected) => {
    expect(parseChallenges(header)).toEqual(expected)
  })

  it('may be many lines and of any length', () => {
    expect(parseChallenges(['Basic realm="a"', 'Bearer realm="b"'])).toHaveLength(2)
    expect(parseChallenges(',"='.repeat(100_000))).toEqual([])
  })
})
