/**
 * `npm run control-plane -- up|down|status [--name NAME] [--foreground]`: a real API server on loopback to play with.
 * Progress goes to stderr; the last line of stdout is the path of a kubeconfig.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheDirectory } from '../testbed/build/cache.ts'
import { NoGoError } from '../testbed/build/go.ts'
import { attachedControlPlane, type ControlPlane, startControlPlane } from '../testbed/control-plane/control-plane.ts'

const USAGE = `Usage: npm run control-plane -- up|down|status [--name NAME] [--foreground]

  up        start etcd, kube-apiserver and kube-controller-manager on loopback; they run until \`down\`
            (with --foreground until Ctrl-C); prints the kubeconfig's path as the last line
  down      end it and remove its files
  status    list those that run
  --name    which one, for several at once (default: default)`

interface Running {
  readonly directory: string
  readonly url: string
}

const stateDirectory = join(cacheDirectory(), 'running')
const stateFile = (name: string): string => join(stateDirectory, `${name}.json`)
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const runningNames = (): string[] => {
  try {
    return readdirSync(stateDirectory).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []))
  } catch {
    return []
  }
}

const find = async (name: string): Promise<ControlPlane | undefined> => {
  let state: Running
  try {
    state = JSON.parse(readFileSync(stateFile(name), 'utf8')) as Running
  } catch {
    return undefined
  }
  const found = await attachedControlPlane(state.directory, state.url)
  if (!found) rmSync(stateFile(name), { force: true })
  return found
}

const up = async (name: string): Promise<number> => {
  const running = await find(name)
  if (running) say(`control plane "${name}" already runs at ${running.url}`)
  const began = Date.now()
  const controlPlane = running ?? (await startControlPlane({ detached: true }))
  if (!running) {
    mkdirSync(stateDirectory, { recursive: true })
    writeFileSync(stateFile(name), JSON.stringify({ directory: controlPlane.directory, url: controlPlane.url }))
    say(`control plane "${name}" runs at ${controlPlane.url} (${((Date.now() - began) / 1000).toFixed(1)}s)`)
    say(`end it with: npm run control-plane -- down${name === 'default' ? '' : ` --name ${name}`}`)
  }
  say(`kubectl of the same version: ${controlPlane.kubectl}`)
  console.log(controlPlane.kubeconfig)
  return 0
}

const foreground = async (): Promise<number> => {
  const began = Date.now()
  const controlPlane = await startControlPlane()
  say(`control plane runs at ${controlPlane.url} (${((Date.now() - began) / 1000).toFixed(1)}s); Ctrl-C ends it`)
  console.log(controlPlane.kubeconfig)
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    const alive = setInterval(() => {}, 60_000)
    for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(each, () => {
        clearInterval(alive)
        resolve(each)
      })
    }
  })
  await controlPlane.down()
  say(`ended by ${signal}`)
  return 0
}

const down = async (name: string): Promise<number> => {
  const running = await find(name)
  await running?.down()
  rmSync(stateFile(name), { force: true })
  say(running ? `control plane "${name}" is gone` : `no control plane "${name}" runs`)
  return 0
}

const status = async (): Promise<number> => {
  let count = 0
  for (const name of runningNames()) {
    const running = await find(name)
    if (!running) continue
    count++
    const programs = Object.entries(await running.processIds()).map(([program, pid]) => `${program} ${pid}`)
    console.log(`${name}\t${running.url}\t${running.kubeconfig}\t${programs.join(', ')}`)
  }
  if (count === 0) say('no control plane runs')
  return count > 0 ? 0 : 1
}

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'default' },
      foreground: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const verb = positionals[0]
  if (!values.help && !/^[\w.-]+$/.test(values.name)) {
    say('--name takes letters, digits, dots, dashes and underscores')
    return 2
  }
  if (verb === 'up') return values.foreground ? foreground() : up(values.name)
  if (verb === 'down') return down(values.name)
  if (verb === 'status') return status()
  say(USAGE)
  return values.help ? 0 : 2
}

try {
  process.exitCode = await main()
} catch (cause) {
  const isUsage = cause instanceof TypeError && 'code' in cause && String(cause.code).startsWith('ERR_PARSE_ARGS')
  if (isUsage) say(`${cause.message}\n\n${USAGE}`)
  else if (cause instanceof NoGoError) say(cause.message)
  else console.error(cause)
  process.exitCode = isUsage ? 2 : 1
}
