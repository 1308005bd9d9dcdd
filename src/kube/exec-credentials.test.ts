import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pluginCredentials } from './exec-credentials.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podmend-plugin-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A plugin that counts its runs in a file and answers with their number as the token, as long as a file `ok` exists. */
const startPlugin = async (expiry: string) => {
  const runs = join(folder, 'runs')
  const ok = join(folder, 'ok')
  writeFileSync(runs, '')
  writeFileSync(ok, '')
  const status = `{"token":"'$(wc -l < ${runs} | tr -d ' ')'","expirationTimestamp":"${expiry}"}`
  const script = `echo >> ${runs}; test -e ${ok} || exit 1; echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}'`
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: '/bin/sh',
    args: ['-c', script],
    interactiveMode: 'Never',
  }
  const config = join(folder, 'config')
  writeFileSync(
    config,
    JSON.stringify({
      'current-context': 'it',
      clusters: [{ name: 'it', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'it', user: { exec } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
    }),
  )
  let now = 0
  return {
    ok,
    open: () => pluginCredentials([config], 'it', () => now),
    pass: (ms: number) => (now += ms),
    runs: () => readFileSync(runs, 'utf8').length,
  }
}

const EXPIRED = '2020-01-01T00:00:00Z'
const LATER = '2099-01-01T00:00:00Z'

it('starts a plugin whose credentials expire at once no more than once in five seconds', async () => {
  const { open, pass, runs } = await startPlugin(EXPIRED)
  const credentials = await open()
  const tokens = await Promise.all(Array.from({ length: 20 }, () => credentials.authorization()))
  expect(new Set(tokens)).toEqual(new Set(['Bearer 1']))
  expect(runs()).toBe(1)
  pass(5_000)
  expect(await credentials.authorization()).toBe('Bearer 2')
})

it('starts it again when its credentials are refused, no more than once in five seconds', async () => {
  const { open, pass, runs } = await startPlugin(LATER)
  const credentials = await open()
  for (let i = 0; i < 10; i += 1) await credentials.refresh()
  expect(await credentials.authorization()).toBe('Bearer 2')
  expect(runs()).toBe(2)
  pass(5_000)
  await credentials.refresh()
  expect(await credentials.authorization()).toBe('Bearer 3')
})

it('starts a plugin that fails no more than once in five seconds', async () => {
  const { open, pass, runs, ok } = await startPlugin(EXPIRED)
  const credentials = await open()
  rmSync(ok)
  pass(5_000)
  const answers = await Promise.allSettled(Array.from({ length: 5 }, () => credentials.authorization()))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'))
  expect(runs()).toBe(2)
})
