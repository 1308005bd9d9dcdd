import { describe, expect, it } from 'vitest'
import type { Secret } from '../../model/kubernetes.ts'
import { credentialsFor, readDockerConfig } from './pull-secrets.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const secret = (data: unknown, more: Partial<Secret> = {}): Secret => ({
  metadata: { name: 's', namespace: 'ns', uid: 'u', resourceVersion: '1' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(typeof data === 'string' ? data : JSON.stringify(data)) },
  ...more,
})

const auth = (user: string) => ({ auth: base64(`${user}:pass:word`) })

/** Users that are tried for an image with these registries in a secret. */
const usersFor = (image: string, auths: Record<string, unknown>) =>
  credentialsFor(readDockerConfig(secret({ auths })).entries, image).map(({ username }) => username)

describe('credentials in a pull secret', () => {
  it('are taken from auth, or from user and password, and auth wins', () => {
    const { entries } = readDockerConfig(
      secret({
        auths: {
          a: auth('x'),
          b: { username: 'y', password: 'z' },
          c: { username: 'no', password: 'no', ...auth('w') },
        },
      }),
    )
    expect(entries.map(({ key, credential }) => [key, credential.username, credential.password])).toEqual([
      ['a', 'x', 'pass:word'],
      ['b', 'y', 'z'],
      ['c', 'w', 'pass:word'],
    ])
  })

  it('are read from the old form as well', () => {
    const old = secret(
      {},
      { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64(JSON.stringify({ 'r.io': auth('x') })) } },
    )
    expect(readDockerConfig(old).entries).toHaveLength(1)
  })

  it.each<[string, Secret, string]>([
    ['is no JSON', secret('{oh'), 'holds no JSON'],
    ['is JSON of another kind', secret([1]), 'holds no registries'],
    ['has null for registries', secret({ auths: null }), 'holds no registries'],
    ['lacks the key', secret({}, { data: {} }), 'lacks the key .dockerconfigjson'],
    ['is of another type', secret({ auths: {} }, { type: 'Opaque' }), 'of type Opaque'],
    ['has no password', secret({ auths: { 'r.io': { username: 'x' } } }), 'no user and password for r.io'],
    [
      'has auth that is no base64 of user:password',
      secret({ auths: { 'r.io': { auth: '%%%' } } }),
      'no user and password',
    ],
    [
      'has an identity token',
      secret({ auths: { 'r.io': { identitytoken: 't0ken' } } }),
      'which the kubelet does not use',
    ],
  ])('are none, with a sentence, where it %s', (_, given, sentence) => {
    const { entries, sentences } = readDockerConfig(given)
    expect(entries).toEqual([])
    expect(sentences.join()).toContain(sentence)
    expect(sentences.join()).not.toContain('t0ken')
  })

  it('are not lost for one that is broken beside them', () => {
    expect(usersFor('r.io/a:1', { 'r.io': auth('x'), 'q.io': null, 'p.io': 7 })).toEqual(['x'])
  })
})

describe('which credentials a kubelet tries for an image', () => {
  it.each<[string, string, readonly string[], readonly string[]]>([
    ['the same host', 'r.io/a/b:1', ['r.io'], ['r.io']],
    ['a scheme before it', 'r.io/a:1', ['https://r.io'], ['https://r.io']],
    ['the API version behind it', 'r.io/a:1', ['https://r.io/v2/'], ['https://r.io/v2/']],
    ['another host', 'r.io/a:1', ['q.io', 'x.r.io', 'r.io.evil.com'], []],
    ['another port', 'r.io:5000/a:1', ['r.io'], []],
    ['no port', 'r.io/a:1', ['r.io:5000'], []],
    ['a wildcard for one part', 'x.r.io/a:1', ['*.r.io', '*.*.r.io', '*.io'], ['*.r.io']],
    ['part of a part', 'app1.r.io/a:1', ['app*.r.io', 'app?.r.io', 'b*.r.io'], ['app?.r.io', 'app*.r.io']],
    [
      'a path, the longer first',
      'r.io/a/b/c:1',
      ['r.io', 'r.io/a', 'r.io/a/b', 'r.io/x'],
      ['r.io/a/b', 'r.io/a', 'r.io'],
    ],
    ['Docker Hub by its old address', 'nginx', ['https://index.docker.io/v1/'], ['https://index.docker.io/v1/']],
    ['Docker Hub by its name first', 'nginx', ['https://index.docker.io/v1/', 'docker.io'], ['docker.io']],
    ['Docker Hub for another registry', 'r.io/a', ['https://index.docker.io/v1/'], []],
  ])('%s', (_, image, keys, expected) => {
    expect(usersFor(image, Object.fromEntries(keys.map((key) => [key, { username: key, password: 'p' }])))).toEqual(
      expected,
    )
  })

  it('are found at once, however many wildcards a stranger writes', () => {
    const key = `${'*a'.repeat(120)}b.io`
    const users = usersFor(`${'a'.repeat(200)}.io/x:1`, { [key]: auth('x') })
    expect(users).toEqual([])
  })
})
