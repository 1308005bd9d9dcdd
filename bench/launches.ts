/** How each contender is started. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../scripts/build/bundle.ts'
import type { Launch } from './contenders.ts'

const ROOT = join(import.meta.dirname, '..')
const MADE = join(ROOT, 'node_modules', '.cache', 'podmend-bench')

export interface Against {
  readonly kubeconfig: string
  /** Where incidents happen; its name ends in the remedy. */
  readonly namespace: string
}

/** Loaded first: no contender outlives the benchmark. */
const TIED = join(MADE, 'testbed/die-with-parent.js')

/** The emitted JavaScript is what is shipped; stripping types at start costs memory. */
export type Form = 'emitted' | 'source'

export const podmend = ({ kubeconfig }: Against, form: Form = 'emitted'): Launch => {
  let [leads, synced] = [false, false]
  return {
    name: form === 'emitted' ? 'podmend' : 'podmend (.ts)',
    tied: TIED,
    entry: form === 'emitted' ? join(MADE, 'dist/controller.js') : join(ROOT, 'src/controller.ts'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--http-host=127.0.0.1',
      '--http-port=0',
      '--log-format=json',
      '--max-actions-per-second=100',
      '--max-actions-per-hour=100000',
    ],
    isReady: (line) => {
      leads ||= line.includes('"message":"leading"')
      synced ||= line.includes('"message":"ready"')
      return leads && synced
    },
  }
}

/** Also reports its event loop delay. */
export const withLoopDelay = (launch: Launch): Launch => ({
  ...launch,
  first: [join(MADE, 'bench/loop-delay.js')],
})

const saysReady = (line: string): boolean => line === 'ready'

export const reference = ({ kubeconfig, namespace }: Against): Launch => ({
  name: 'reference',
  tied: TIED,
  entry: join(MADE, 'bench/reference.js'),
  args: [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`],
  isReady: saysReady,
})

export const bare = ({ kubeconfig }: Against): Launch => ({
  name: 'bare loop',
  tied: TIED,
  entry: join(import.meta.dirname, 'bare.ts'),
  args: [`--kubeconfig=${kubeconfig}`],
  isReady: saysReady,
})

interface Agent {
  /** As a kubelet mounts it. */
  readonly accountFolder: string
  readonly host: string
  readonly port: string
}

/** The node agent as it is shipped. There is nothing to inspect, and no task asks for it. */
export const nodeAgent = ({ accountFolder, host, port }: Agent): Launch => ({
  name: 'node agent',
  tied: TIED,
  entry: join(MADE, 'dist/agent.js'),
  args: [`--service-account-dir=${accountFolder}`, '--start-jitter=0', '--verbs=Inspect,RecycleSandbox,RestartRuntime'],
  // The same as the entry point of its image.
  env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NODE_OPTIONS: '--max-semi-space-size=1' },
  isReady: (line) => line.includes('"message":"ready"'),
})

const compile = async (...args: readonly string[]): Promise<void> => {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, ...args], { cwd: ROOT }).catch(
    (error: { stdout?: string }) => {
      throw new Error(`emitting JavaScript: ${error.stdout ?? ''}`, { cause: error })
    },
  )
}

/**
 * Emits the JavaScript that is measured, as it would be shipped, in a folder other than `dist`, which may change meanwhile.
 * Throws with the output of the compiler.
 */
export const emit = async (): Promise<void> => {
  rmSync(MADE, { recursive: true, force: true })
  mkdirSync(MADE, { recursive: true })
  copyFileSync(join(ROOT, 'package.json'), join(MADE, 'package.json'))
  await bundle(join(MADE, 'dist'))
  const alike = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2025', '--types', 'node', '--skipLibCheck']
  const sources = ['bench/reference.ts', 'bench/loop-delay.ts', 'testbed/die-with-parent.ts'].map((source) =>
    join(ROOT, source),
  )
  await compile('--ignoreConfig', ...alike, '--rootDir', ROOT, '--outDir', MADE, ...sources)
}
