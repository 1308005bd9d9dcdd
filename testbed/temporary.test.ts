import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, vi } from 'vitest'
import { temporaryDirectory } from './temporary.ts'

const MODULE = new URL('temporary.ts', import.meta.url).href

it.each(['SIGKILL', 'SIGTERM', undefined] as const)('is gone after a process that ends by %s', async (signal) => {
  const script = `
    const { temporaryDirectory } = await import(${JSON.stringify(MODULE)})
    console.log(temporaryDirectory('podmend-killed-').path)
    ${signal === undefined ? '' : 'setInterval(() => {}, 1_000)'}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const path = await new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve))
  expect(path.startsWith(join(tmpdir(), 'podmend-killed-'))).toBe(true)
  if (signal !== undefined) {
    writeFileSync(join(path, 'log'), 'x')
    child.kill(signal)
  }
  await vi.waitUntil(() => !existsSync(path), { timeout: 30_000 })
})

it('is gone when it is removed', () => {
  const { path, remove } = temporaryDirectory('podmend-removed-')
  expect(existsSync(path)).toBe(true)
  remove()
  expect(existsSync(path)).toBe(false)
})
