import { describe, expect, it } from 'vitest'
import { normalImage, parseImage, rewritePrefix, sameImage, underPrefix } from './image-reference.ts'

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`
const ID = 'a'.repeat(64)
const sentence = (text: string): string => {
  const parsed = parseImage(text)
  return parsed.ok ? 'is a reference' : parsed.sentence
}

describe('the normal form of an image', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1', 'docker.io/library/nginx:1'],
    ['nginx:5000', 'docker.io/library/nginx:5000'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
    ['nickchase/rss-php-nginx:v1', 'docker.io/nickchase/rss-php-nginx:v1'],
    ['harbor.od.com/k8s/coredns:1.6.1', 'harbor.od.com/k8s/coredns:1.6.1'],
    ['harbor.od.com/coredns', 'harbor.od.com/coredns:latest'],
    ['harbor:5000/coredns', 'harbor:5000/coredns:latest'],
    ['harbor/coredns', 'docker.io/harbor/coredns:latest'],
    ['localhost/coredns:1', 'localhost/coredns:1'],
    ['localhost:5000/coredns', 'localhost:5000/coredns:latest'],
    ['10.0.0.1:5000/a/b:c', '10.0.0.1:5000/a/b:c'],
    ['[2001:db8::1]/a:1', '[2001:db8::1]/a:1'],
    ['[2001:db8::1]:5000/a/b', '[2001:db8::1]:5000/a/b:latest'],
    // Docker and containerd read a first part with upper-case letters as a host.
    ['Harbor/coredns:1', 'Harbor/coredns:1'],
    ['REGISTRY.example.com/a:V1', 'REGISTRY.example.com/a:V1'],
    [`nginx@${SHA256}`, `docker.io/library/nginx@${SHA256}`],
    [`a.io/b:1@${SHA256}`, `a.io/b:1@${SHA256}`],
    ['a.io/b.c_d__e---f/g:_1', 'a.io/b.c_d__e---f/g:_1'],
    [`a.io/b@sha512:${'a'.repeat(128)}`, `a.io/b@sha512:${'a'.repeat(128)}`],
    [
      `${'a'.repeat(60)}.io/${'b'.repeat(255)}:${'c'.repeat(128)}`,
      `${'a'.repeat(60)}.io/${'b'.repeat(255)}:${'c'.repeat(128)}`,
    ],
  ])('of %s is %s', (text, normal) => {
    expect(normalImage(text)).toBe(normal)
    expect(normalImage(normal)).toBe(normal)
  })

  it('makes different spellings the same image', () => {
    expect(sameImage('nginx', 'index.docker.io/library/nginx:latest')).toBe(true)
    expect(sameImage('nginx:1', 'nginx:2')).toBe(false)
    expect(sameImage('not an image', 'not an image')).toBe(true)
  })
})

describe('what is no reference', () => {
  it.each([
    ['', 'it is empty'],
    [' nginx', 'is not a path segment'],
    ['nginx ', 'is not a path segment'],
    ['nginx:1 ', 'is not a tag'],
    ['nginx:', '"" is not a tag'],
    ['nginx:.1', '".1" is not a tag'],
    [`nginx:${'a'.repeat(129)}`, 'is not a tag'],
    ['Nginx', '"Nginx" has upper-case letters, a repository is lower case'],
    ['a.io/Team/x:1', '"Team" has upper-case letters'],
    ['a.io/', 'the repository is missing'],
    [':1', 'the repository is missing'],
    ['/nginx', 'empty path segment'],
    ['a.io//x', 'it has an empty path segment'],
    ['a.io/x/', 'it has an empty path segment'],
    ['a.io/-x', '"-x" is not a path segment'],
    ['a.io/x..y', '"x..y" is not a path segment'],
    ['a.io/x___y', '"x___y" is not a path segment'],
    ['a.io/ünïcode:1', 'is not a path segment'],
    ['а.io/x:1', 'is not a registry host'],
    ['a.io/x:１', 'is not a tag'],
    ['-a.io/x', '"-a.io" is not a registry host'],
    ['a..io/x', 'is not a registry host'],
    ['a.io:port/x', 'is not a registry host'],
    ['a.io:/x', 'is not a registry host'],
    ['a.io:123456/x', 'is not a registry host'],
    ['[2001:db8::1/x', 'is not a registry host'],
    ['[fe80::1%25eth0]/x', 'is not a registry host'],
    ['https://a.io/x', 'is not a registry host'],
    ['nginx@', '"" is not a digest'],
    ['nginx@sha256:abc', '"sha256:abc" is not a digest'],
    [`nginx@sha256:${'A'.repeat(64)}`, 'is not a digest'],
    [`nginx@md5:${'a'.repeat(64)}`, 'is not a digest'],
    [`nginx@${SHA256}@${SHA256}`, 'is not a digest'],
    [ID, 'it is an image id'],
    [`a.io/${'b'.repeat(256)}`, 'its repository is longer than 255 characters'],
    ['a'.repeat(4096), 'it has 4096 characters, at most 1024 are possible'],
    ['a.io/x\n:1', 'is not a path segment'],
    ['\ud800/x', 'is not'],
    ['💥', 'is not a path segment'],
  ])('such as %j, is said to be so', (text, why) => {
    expect(sentence(text)).toContain(why)
  })

  it('is quoted short and without control characters', () => {
    expect(sentence(`a.io/x\n${'y'.repeat(900)}`)).toMatch(/^image "a\.io\/x\\ny{70,80}…" is not/)
    expect(sentence('a'.repeat(4096)).length).toBeLessThan(200)
  })

  it('still compares and prints as it stands', () => {
    expect(normalImage('Not An Image')).toBe('Not An Image')
  })
})

describe('rewriting a prefix', () => {
  it.each([
    [
      'harbor.od.com/k8s/coredns:1.6.1',
      'harbor.od.com/k8s/',
      'harbor.od.com/public/',
      'harbor.od.com/public/coredns:1.6.1',
    ],
    [
      'harbor.od.com/k8s/coredns:1.6.1',
      'harbor.od.com/k8s',
      'harbor.od.com/public',
      'harbor.od.com/public/coredns:1.6.1',
    ],
    ['harbor.od.com/k8s/coredns:1', 'harbor.od.com', 'mirror.io:5000/harbor/', 'mirror.io:5000/harbor/k8s/coredns:1'],
    ['harbor.od.com/k8s/coredns:1', 'harbor.od.com/k8s/coredns', 'harbor.od.com/dns', 'harbor.od.com/dns:1'],
    ['nginx', 'docker.io/', 'mirror.io/hub/', 'mirror.io/hub/library/nginx:latest'],
    ['nginx:1', 'docker.io/library/', 'mirror.io/', 'mirror.io/nginx:1'],
    [`a.io/b/c:1@${SHA256}`, 'a.io/b', 'a.io/d', `a.io/d/c:1@${SHA256}`],
    [`a.io/b@${SHA256}`, 'a.io/b', 'a.io/d', `a.io/d@${SHA256}`],
    ['[2001:db8::1]:5000/a/b:1', '[2001:db8::1]:5000/a/', 'b.io/', 'b.io/b:1'],
  ])('turns %s, from %s to %s, into %s', (image, from, to, result) => {
    expect(rewritePrefix(image, from, to)).toBe(result)
  })

  it.each([
    ['harbor.od.com/k8s-old/coredns:1', 'harbor.od.com/k8s/'],
    ['harbor.od.com/k8s-old/coredns:1', 'harbor.od.com/k8s'],
    ['harbor.od.com.evil.io/k8s/coredns:1', 'harbor.od.com'],
    ['harbor.od.com:8443/k8s/coredns:1', 'harbor.od.com'],
    ['harbor.od.com:8443/k8s/coredns:1', 'harbor.od.com/k8s'],
    ['a.io/harbor.od.com/k8s/coredns:1', 'harbor.od.com/k8s/'],
    ['harbor.od.com/k8s:1', 'harbor.od.com/k8s/coredns'],
    ['k8s/coredns:1', 'harbor.od.com/k8s/'],
    ['harbor.od.com/K8S/coredns:1', 'harbor.od.com/k8s/'],
    ['a.io/x:1', ''],
    ['a.io/x:1', '/'],
    ['a'.repeat(4096), 'a'.repeat(4000)],
  ])('leaves %s alone, whose prefix is not %s', (image, from) => {
    expect(rewritePrefix(image, from, 'b.io/')).toBeUndefined()
  })

  it('knows prefixes of prefixes by whole segments', () => {
    expect(underPrefix('a.io/b/c/', 'a.io/b')).toBe(true)
    expect(underPrefix('a.io/b', 'a.io/b/')).toBe(true)
    expect(underPrefix('a.io/bc/', 'a.io/b/')).toBe(false)
    expect(underPrefix('a.io', 'a.io/b')).toBe(false)
  })
})
