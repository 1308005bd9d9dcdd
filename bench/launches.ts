/** How each contender is started. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../scripts/build/bundle.ts'
import { SERVICE_ACCOUNT_DIR } from '../src/kube/in-cluster.ts'
import type { Launch } from './contenders.ts'

const ROOT = join(import.meta.dirname, '..')
const MADE = join(ROOT, 'node_modules', '.cache', 'podmend-bench')

export interface Against {
  readonly kubeconfig: string
  /** Where incidents happen; its name ends in the remedy. */
  readonly namespace: string
  /** As a kubelet mounts it, and where its API server listens: podmend then starts as in a pod. */
  readonly inPod?: { readonly accountFolder: string; readonly url: string }
}

/** Loaded first: no contender outlives the benchmark. */
const TIED = join(MADE, 'testbed/die-with-parent.js')

type Ready = Pick<Launch, 'isReady'>

const onNode = (name: string, entry: string, args: readonly string[], { isReady }: Ready): Launch => ({
  name,
  program: process.execPath,
  args: ['--import', TIED, entry, ...args],
  isReady,
})

/** A program that does not watch its parent. */
const tied = (launch: Launch): Launch => ({
  ...launch,
  program: '/usr/bin/setpriv',
  args: ['--pdeathsig=KILL', launch.program, ...launch.args],
})

const MOUNT = 'mount -t tmpfs none /run && mkdir -p "$1" && mount --bind "$2" "$1" && shift 2 && exec "$@"'

/** In a mount namespace of its own with the folder where a kubelet mounts it. */
const inPod = (launch: Launch, { accountFolder, url }: NonNullable<Against['inPod']>): Launch => {
  const { hostname, port } = new URL(url)
  return {
    ...launch,
    program: '/usr/bin/unshare',
    args: ['--mount', 'sh', '-c', MOUNT, 'sh', SERVICE_ACCOUNT_DIR, accountFolder, launch.program, ...launch.args],
    env: {
      HOME: '/nonexistent',
      PATH: '/usr/bin:/bin',
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
    },
  }
}

interface PodmendOptions {
  readonly actionsPerSecond?: number
}

/** The emitted JavaScript is what is shipped; stripping types at start would cost memory. */
export const podmend = (against: Against, { actionsPerSecond = 100 }: PodmendOptions = {}): Launch => {
  let [leads, synced] = [false, false]
  const args = [
    ...(against.inPod ? [] : [`--kubeconfig=${against.kubeconfig}`]),
    '--http-host=127.0.0.1',
    '--http-port=0',
    '--log-format=json',
    `--max-actions-per-second=${actionsPerSecond}`,
    '--max-actions-per-hour=100000',
  ]
  const launch = onNode('podmend', join(MADE, 'dist/controller.js'), args, {
    isReady: (line) => {
      leads ||= line.includes('"message":"leading"')
      synced ||= line.includes('"message":"ready"')
      return leads && synced
    },
  })
  return against.inPod ? inPod(launch, against.inPod) : launch
}

const LOOP_DELAY = join(MADE, 'bench/loop-delay.js')

/** Also reports its event loop delay. */
export const withLoopDelay = (launch: Launch): Launch => {
  const at = launch.args.indexOf('--import')
  return { ...launch, args: launch.args.toSpliced(at, 0, '--import', LOOP_DELAY) }
}

const saysReady: Ready = { isReady: (line) => line === 'ready' }

export const reference = ({ kubeconfig, namespace }: Against): Launch =>
  onNode(
    'makeInformer',
    join(MADE, 'bench/reference.js'),
    [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`],
    saysReady,
  )

export const bare = ({ kubeconfig }: Against): Launch =>
  onNode('bare loop', join(import.meta.dirname, 'bare.ts'), [`--kubeconfig=${kubeconfig}`], saysReady)

export const controllerRuntime =
  (program: string, tuned: boolean) =>
  ({ kubeconfig, namespace }: Against): Launch =>
    tied({
      name: tuned ? 'controller-runtime, tuned' : 'controller-runtime',
      program,
      args: [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...(tuned ? ['--tuned'] : [])],
      env: { HOME: '/nonexistent' },
      ...saysReady,
    })

export const kopf =
  (python: string) =>
  ({ kubeconfig, namespace }: Against): Launch =>
    tied({
      name: 'kopf',
      program: python,
      args: ['-m', 'kopf', 'run', '--standalone', '--all-namespaces', join(import.meta.dirname, 'kopf/handlers.py')],
      env: { HOME: '/nonexistent', KUBECONFIG: kubeconfig, NAMESPACE: namespace, PYTHONDONTWRITEBYTECODE: '1' },
      ...saysReady,
    })

/** Evicts what waits with these reasons, once a second. */
const deschedulerPolicy = (namespace: string): object => ({
  apiVersion: 'descheduler/v1alpha2',
  kind: 'DeschedulerPolicy',
  profiles: [
    {
      name: 'bench',
      pluginConfig: [
        { name: 'DefaultEvictor', args: { evictLocalStoragePods: true } },
        {
          name: 'PodLifeTime',
          args: { states: ['ErrImagePull', 'ImagePullBackOff'], namespaces: { include: [namespace] } },
        },
      ],
      plugins: { deschedule: { enabled: ['PodLifeTime'] } },
    },
  ],
})

export const descheduler =
  (program: string) =>
  ({ kubeconfig, namespace }: Against): Launch => {
    const policy = `${kubeconfig}.${namespace}.policy`
    writeFileSync(policy, JSON.stringify(deschedulerPolicy(namespace)))
    return tied({
      name: 'descheduler',
      program,
      args: [
        `--kubeconfig=${kubeconfig}`,
        `--policy-config-file=${policy}`,
        '--descheduling-interval=1s',
        '--disable-metrics',
        '--secure-port=0',
        '--v=1',
      ],
      env: { HOME: '/nonexistent' },
      isReady: (line) => line.includes('Number of evictions/requests') || line.includes('totalEvicted'),
    })
  }

interface Agent {
  /** As a kubelet mounts it. */
  readonly accountFolder: string
  readonly host: string
  readonly port: string
}

/** The node agent as it is shipped. There is nothing to inspect, and no task asks for it. */
export const nodeAgent = ({ accountFolder, host, port }: Agent): Launch => ({
  ...onNode(
    'node agent',
    join(MADE, 'dist/agent.js'),
    [`--service-account-dir=${accountFolder}`, '--start-jitter=0', '--verbs=Inspect,RecycleSandbox,RestartRuntime'],
    { isReady: (line) => line.includes('"message":"ready"') },
  ),
  // The same as the entry point of its image.
  env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NODE_OPTIONS: '--max-semi-space-size=1' },
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
