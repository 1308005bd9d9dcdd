import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { prune, sourceHash } from './cache.ts'
import { withLock } from './lock.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cache-'))
  vi.stubEnv('XDG_CACHE_HOME', directory)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(directory, { recursive: true, force: true })
})

describe('the hash of a Go module', () => {
  it('changes with a source, and with how it is built, and with nothing else', () => {
    const source = join(directory, 'source')
    mkdirSync(source)
    writeFileSync(join(source, 'main.go'), 'package main')
    const before = sourceHash(source, { ldflags: '' })
    expect(sourceHash(source, { ldflags: '' })).toBe(before)
    expect(sourceHash(source, { ldflags: '-s' })).not.toBe(before)
    writeFileSync(join(source, 'main.go'), 'package other')
    expect(sourceHash(source, { ldflags: '' })).not.toBe(before)
  })
})

describe('pruning', () => {
  it('removes builds of that name that were not used for two weeks', () => {
    const build = (name: string, daysAgo: number): string => {
      const path = join(directory, 'podmend', name)
      mkdirSync(path, { recursive: true })
      const then = new Date(Date.now() - daysAgo * 86_400_000)
      utimesSync(path, then, then)
      return path
    }
    const old = build('registry-0123456789abcdef', 15)
    const recent = build('registry-1123456789abcdef', 13)
    const other = build('control-plane-0123456789abcdef', 15)
    prune('registry')
    expect([old, recent, other].map((path) => existsSync(path))).toEqual([false, true, true])
  })
})

describe('the lock', () => {
  const path = (): string => join(directory, 'lock')

  it('lets one work at a time, and the next when it is done', async () => {
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 20))
      inside--
    }
    await Promise.all([1, 2, 3].map(() => withLock(path(), () => {}, work)))
    expect(most).toBe(1)
    expect(existsSync(path())).toBe(false)
  })

  it('is given up by a work that fails', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('compiling'))
    await expect(withLock(path(), () => {}, fail)).rejects.toThrow('compiling')
    await withLock(
      path(),
      () => {},
      async () => {},
    )
  })

  it('is taken at once from a process of this machine that is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    writeFileSync(path(), `${hostname()} ${pid}`)
    expect(
      await withLock(
        path(),
        () => {},
        async () => 'done',
      ),
    ).toBe('done')
  })

  it('is taken from a holder elsewhere that has not shown itself for long', async () => {
    writeFileSync(path(), 'another-machine 1')
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(path(), longAgo, longAgo)
    const waited = vi.fn<() => void>()
    expect(await withLock(path(), waited, async () => 'done')).toBe('done')
    expect(waited).toHaveBeenCalledOnce()
  })
})
