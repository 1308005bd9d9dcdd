import { describe, expect, it } from 'vitest'
import { compileGlob, compilePattern, type Glob, type Pattern, type Refusal } from './pattern.ts'

const pattern = (source: string): Pattern => accepted(compilePattern(source))
const glob = (source: string): Glob => accepted(compileGlob(source))
const accepted = <T extends { readonly ok: true }>(compiled: T | Refusal): T => {
  if (!compiled.ok) throw new Error(compiled.sentence)
  return compiled
}
const sentence = (compiled: { readonly ok: true } | Refusal): string => (compiled.ok ? '' : compiled.sentence)

describe('a pattern', () => {
  it.each([
    ['found anywhere', 'not found', 'manifest for web:1 not found: x', true],
    ['case counts', 'Denied', 'denied', false],
    ['unless told otherwise', '(?i)Denied', 'denied', true],
    ['^ is the beginning of the text only', '^b', 'a\nb', false],
    ['. is not a newline', 'a.b', 'a\nb', false],
    ['(?s) makes . a newline too', '(?s)a.b', 'a\nb', true],
    ['an empty pattern matches all', '', 'x', true],
    ['Unicode', 'ü{2}', 'xüüx', true],
  ])('%s', (_, source, text, expected) => {
    expect(pattern(source).test(text)).toBe(expected)
  })

  it('gives the match and its groups, undefined for those that took no part', () => {
    expect([...(pattern('(a)|(b)').exec('xb') ?? [])]).toEqual(['b', undefined, 'b'])
    expect(pattern('a').exec('b')).toBeUndefined()
  })

  it.each([
    ['look-ahead', '(?=a)b', 'no look-ahead'],
    ['negative look-ahead', '^(?!kube)', 'no look-ahead'],
    ['look-behind', '(?<=a)b', 'no look-ahead and no look-behind'],
    ['back reference', '(a)\\1', 'no back references'],
    ['named back reference', '(?P<x>a)(?P=x)', 'no back references'],
    ['atomic group', '(?>a+)b', 'no atomic groups'],
    ['possessive quantifier', 'a++', 'no possessive quantifiers'],
    ['\\Z', 'a\\Z', '\\z'],
    ['unclosed group', '(a', 'missing closing )'],
    ['range turned round', '[z-a]', 'invalid character class range'],
    ['repetition without end', 'a{1001}', 'invalid repeat count'],
    ['an explosion of repetitions', '((a{30}){30})', 'too large once compiled'],
    ['513 characters', 'a'.repeat(513), 'at most 512'],
  ])('refuses %s with a sentence', (_, source, part) => {
    expect(sentence(compilePattern(source))).toContain(part)
  })

  it('takes a literal as long as a pattern may be', () => {
    expect(pattern('a'.repeat(512)).test('a'.repeat(600))).toBe(true)
  })

  it('does not read an escaped backslash before a digit as a back reference', () => {
    expect(pattern('\\\\1').test('\\1')).toBe(true)
  })

  it('answers on patterns and texts that make backtracking explode', () => {
    expect(pattern('(a*)*(a*)*(a*)*b$').test('a'.repeat(4096))).toBe(false)
    expect(pattern('failed.*pull.*image.*"(.*)".*: .*not found$').test('failed pull image "": '.repeat(180))).toBe(
      false,
    )
  })
})

describe('a replacement', () => {
  const replaced = (source: string, template: string, text: string): string | undefined =>
    accepted(pattern(source).replacement(template)).replace(text)

  it.each([
    ['$1 is the first group', '^old/(.*)$', 'new/$1', 'old/a:1', 'new/a:1'],
    ['\\1 is the same', '^old/(.*)$', 'new/\\1', 'old/a:1', 'new/a:1'],
    ['${1} stands before a digit', '^old/(\\w)', 'new/${1}0', 'old/a:1', 'new/a0:1'],
    ['${name} is a named group', 'old/(?P<rest>.*)', 'new/${rest}', 'old/a', 'new/a'],
    ['$0 is the whole match', 'a', '<$0>', 'bab', 'b<a>b'],
    ['$$ is a dollar sign', 'a', '$$', 'a', '$'],
    ['\\\\ is a backslash', 'a', '\\\\', 'a', '\\'],
    ['a group that took no part is empty', 'a(b)?', '[$1]', 'a', '[]'],
    ['only the first match is replaced', 'a', 'x', 'aaa', 'xaa'],
    ['JavaScript forms are mere text', 'a', "x'&", 'bab', "bx'&b"],
  ])('%s', (_, source, template, text, expected) => {
    expect(replaced(source, template, text)).toBe(expected)
  })

  it('is undefined where the pattern does not match', () => {
    expect(replaced('^b', 'x', 'ab')).toBeUndefined()
  })

  it.each([
    ['a group that the pattern lacks', '(a)', '$2', 'no group "2"'],
    ['a name that the pattern lacks', '(a)', '${constructor}', 'no group "constructor"'],
    ['a lone dollar sign', '(a)', 'a$', 'write "$$"'],
    ['a lone backslash', '(a)', 'a\\x', 'write "\\\\"'],
    ['513 characters', '(a)', 'a'.repeat(513), 'at most 512'],
  ])('refuses %s with a sentence', (_, source, template, part) => {
    expect(sentence(pattern(source).replacement(template))).toContain(part)
  })
})

describe('a glob', () => {
  it.each([
    ['harbor.od.com/k8s/*', 'harbor.od.com/k8s/coredns:1.6.1', true],
    ['harbor.od.com/k8s/*', 'harbor.od.com/k8s/a/b@sha256:0', true],
    ['harbor.od.com/k8s/*', 'harbor.od.com/k8s-old/a', false],
    ['harbor.od.com/k8s/*', 'harborXod.com/k8s/a', false],
    ['*/coredns:*', 'harbor.od.com/k8s/coredns:1.6.1', true],
    ['*:1.?', 'docker.io/library/web:1.2', true],
    ['*:1.?', 'docker.io/library/web:1.23', false],
    ['*', '', true],
    ['**', 'a', true],
    ['a', 'a', true],
    ['a', 'ab', false],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXbXbX', false],
    ['[a]', 'a', false],
  ])('%s on %s: %s', (source, text, expected) => {
    expect(glob(source).test(text)).toBe(expected)
  })

  it('answers where backtracking explodes', () => {
    expect(glob('*a'.repeat(200)).test('a'.repeat(4000) + 'b')).toBe(false)
  })

  it.each([
    ['nothing', '', 'empty'],
    ['513 characters', '*'.repeat(513), 'at most 512'],
  ])('refuses %s with a sentence', (_, source, part) => {
    expect(sentence(compileGlob(source))).toContain(part)
  })
})
