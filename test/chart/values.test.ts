import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { CHART, useHelm } from './fixture.ts'

const helm = useHelm()

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly additionalProperties?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
}

const SCHEMA = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema
const VALUES = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Record<string, unknown>

const paths = (schema: Schema, at = ''): readonly string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, below]) => [`${at}${name}`, ...paths(below, `${at}${name}.`)])

describe('a value that cannot be', () => {
  test.each([
    [
      'an action that there is not',
      'actions.rebootNode.enabled=true',
      "additional properties 'rebootNode' not allowed",
    ],
    ['a string for a boolean', 'actions.rewriteImage.enabled="yes"', 'got string, want boolean'],
    ['a misspelt key', 'image.repo="x"', "additional properties 'repo' not allowed"],
    ['a tag within the repository', 'image.repository="ghcr.io/x@sha256:1"', 'does not match pattern'],
    ['a digest cut short', 'image.digest="sha256:abc"', 'does not match pattern'],
    ['too few replicas', 'replicas=-1', 'minimum: got -1, want 0'],
    [
      'a pull policy that there is not',
      'image.pullPolicy="Sometimes"',
      "must be one of 'IfNotPresent', 'Always', 'Never'",
    ],
    ['a flag without dashes', 'controller.extraArgs=["log-level=debug"]', 'does not match pattern'],
    ['an address without bits', 'controller.allowRegistryAddresses=["10.0.0.1"]', 'does not match pattern'],
    [
      'a proxy with its password',
      'controller.registryProxy={"https":"http://me:secret@proxy:3128"}',
      'does not match pattern',
    ],
    ['a registry by its URL', 'controller.registryHosts={"https://harbor.od.com":"x"}', 'does not match pattern'],
    ['a certificate that is none', 'controller.registryCertificates={"harbor.od.com":"x"}', 'does not match pattern'],
    ['a port that there is not', 'networkPolicy.egressPorts=[0]', 'minimum: got 0, want 1'],
    [
      'a flag that the chart sets',
      'controller.extraArgs=["--http-port=1"]',
      'controller.extraArgs: --http-port is set by the chart',
    ],
    [
      'a flag with a value of its own',
      'controller.extraArgs=["--read-pull-secrets=true"]',
      'use readPullSecrets.enabled',
    ],
  ])('is refused with where and why: %s', async (_, setting, why) => {
    await expect(helm('template', 'podmend', CHART, '--set-json', setting)).rejects.toThrow(why)
  })
})

test('each value is described, and none but described ones are taken', () => {
  const visit = (schema: Schema, path: string): void => {
    if (path !== '') expect(schema.description, path).toMatch(/\.$/)
    if (schema.properties) expect(schema.additionalProperties, path).toBe(false)
    for (const [name, below] of Object.entries(schema.properties ?? {})) visit(below, `${path}.${name}`)
  }
  visit(SCHEMA, '')
})

test('each value that the schema knows stands in values.yaml', () => {
  const has = (path: string): boolean => {
    let value: unknown = VALUES
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null || !(key in value)) return false
      value = (value as Record<string, unknown>)[key]
    }
    return true
  }
  const optional = ['global', 'resources.claims', 'agent.resources.claims']
  expect(paths(SCHEMA).filter((path) => !has(path) && !optional.includes(path))).toEqual([])
})

test('the chart has the version of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
  const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as Record<string, unknown>
  expect([chart['version'], chart['appVersion']]).toEqual([version, version])
})

test('alerts and dashboard link to the runbooks below the address that is set, and to none that does not exist', async () => {
  const on = ['--set', 'metrics.prometheusRule.enabled=true', '--set', 'dashboard.enabled=true']
  const linksIn = (manifest: string): readonly string[] =>
    [...manifest.matchAll(/(?:runbook_url: |"url": ")([^\s"]*)/g)].map(([, link]) => link ?? '')
  const byDefault = linksIn(await helm('template', 'podmend', CHART, ...on))
  expect(byDefault.length).toBeGreaterThan(20)
  for (const link of byDefault) expect(link).toMatch(/^docs\/runbooks\/\w+\.md$/)
  const wiki = linksIn(
    await helm('template', 'podmend', CHART, ...on, '--set', 'runbooksUrl=https://wiki.example.com/r/'),
  )
  expect(wiki).toEqual(byDefault.map((link) => link.replace('docs/runbooks', 'https://wiki.example.com/r')))
})
