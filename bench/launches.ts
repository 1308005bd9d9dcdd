/** How each contender is started. */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Launch } from './contenders.ts'

const ROOT = join(import.meta.dirname, '..')
const MADE = join(ROOT, 'node_modules', '.cache', 'kubemend-bench')

export interface Against {
  readonly kubeconfig: string
  /** Where incidents happen; its name ends in the remedy. */
  readonly namespace: string
}

/** Emitted JavaScript is what is shipped; stripping types at start costs memory. */
export type Form = 'emitted' | 'source'

export const kubemend = ({ kubeconfig }: Against, form: Form = 'emitted'): Launch => {
  let [leads, synced] = [false, false]
  return {
    name: form === 'emitted' ? 'kubemend' : 'kubemend (.ts)',
    entry: join(ROOT, form === 'emitted' ? 'dist/controller.js' : 'src/controller.ts'),
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

const saysReady = (line: string): boolean => line === 'ready'

export const reference = ({ kubeconfig, namespace }: Against): Launch => ({
  name: 'reference',
  entry: join(MADE, 'reference.mjs'),
  args: [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`],
  isReady: saysReady,
})

export const bare = ({ kubeconfig }: Against): Launch => ({
  name: 'bare loop',
  entry: join(import.meta.dirname, 'bare.ts'),
  args: [`--kubeconfig=${kubeconfig}`],
  isReady: saysReady,
})

/** Makes JavaScript of what is to be measured as it would be shipped. */
export const emit = async (): Promise<void> => {
  await promisify(execFile)(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    {
      cwd: ROOT,
    },
  )
  mkdirSync(MADE, { recursive: true })
  const source = readFileSync(join(import.meta.dirname, 'reference.ts'), 'utf8')
  writeFileSync(join(MADE, 'reference.mjs'), stripTypeScriptTypes(source))
}
