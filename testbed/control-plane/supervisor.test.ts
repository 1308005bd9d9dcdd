import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { askSupervisor, startSupervisor } from './supervisor.ts'

const directory = mkdtempSync(join(tmpdir(), 'supervised-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A supervisor whose socket's file is there for a while before a server listens on it. */
const SLOW = `#!${process.execPath}
const { createServer } = require('node:net')
const { writeFileSync, rmSync } = require('node:fs')
const { directory } = JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8'))
const socket = directory + '/control.sock'
writeFileSync(socket, '')
setTimeout(() => {
  rmSync(socket)
  createServer((caller) => caller.once('data', () => caller.end('{"programs":[]}\\n'))).listen(socket)
}, 300)
process.stdin.resume().once('end', () => process.exit())
`

it('has started once it answers, not once the file of its socket is there', async () => {
  writeFileSync(join(directory, 'supervise'), SLOW, { mode: 0o755 })
  const { stop } = await startSupervisor(directory, { directory, programs: [], detached: false })
  expect(await askSupervisor(directory, { do: 'status' })).toEqual({ programs: [] })
  await stop()
})

it('that nobody is there to ask is one error, which the caller gets', async () => {
  const uncaught: unknown[] = []
  const note = (cause: unknown): number => uncaught.push(cause)
  process.on('uncaughtException', note)
  try {
    await expect(askSupervisor(join(directory, 'nowhere'), { do: 'status' })).rejects.toThrow('asking the supervisor')
    await sleep(20)
  } finally {
    process.off('uncaughtException', note)
  }
  expect(uncaught).toEqual([])
})
