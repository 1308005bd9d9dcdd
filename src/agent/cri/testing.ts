/** A containerd of its own for a test: in a folder, beside whatever runtime the machine has. It needs root. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { debianTools } from '../../../testbed/machine/debian-tools.ts'

const config = (folder: string): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${folder}/containerd.sock"
[ttrpc]
  address = "${folder}/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
`

export interface TestContainerd {
  readonly socket: string
  start(): Promise<void>
  signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  stop(): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

/** Letter of the process's state, e.g. T for a stopped one: proc(5). */
const stateOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? ''

/** Packages of the machine's containerd, where it has none. */
const PACKAGES = ['docker.io', 'containerd', 'runc', 'iptables']

const program = async (): Promise<{ readonly file: string; readonly env: NodeJS.ProcessEnv }> => {
  if (existsSync('/usr/bin/containerd')) return { file: '/usr/bin/containerd', env: process.env }
  // The same set that the test bed's Docker is made of, so that it is fetched once.
  const { root, env } = await debianTools('docker-packages', PACKAGES)
  return { file: join(root, 'usr/bin/containerd'), env }
}

export const createTestContainerd = async (): Promise<TestContainerd> => {
  const { file, env } = await program()
  const folder = mkdtempSync(join(tmpdir(), 'podmend-containerd-'))
  const socket = join(folder, 'containerd.sock')
  writeFileSync(join(folder, 'config.toml'), config(folder))
  let child: ChildProcess | undefined
  let log = ''

  const stop = async () => {
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    child = undefined
    await ended
  }
  return {
    socket,
    start: async () => {
      // It must not outlive the test run, however that ends.
      const args = ['--pdeathsig', 'KILL', file, '--config', join(folder, 'config.toml')]
      const started = spawn('setpriv', args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
      child = started
      log = ''
      started.stderr.on('data', (text: Buffer) => {
        log += text.toString()
      })
      while (!log.includes('containerd successfully booted')) {
        if (started.exitCode !== null) throw new Error(`starting containerd: ${log.slice(-2_000)}`)
        await sleep(20)
      }
    },
    signal: async (name) => {
      const pid = child?.pid ?? 0
      process.kill(pid, name)
      while ((stateOf(pid) === 'T') !== (name === 'SIGSTOP')) await sleep(5)
    },
    stop,
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
