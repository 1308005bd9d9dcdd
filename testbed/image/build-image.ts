import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { showProgress } from '../build/progress.ts'
import { localBases } from './local-bases.ts'

const ROOT = join(import.meta.dirname, '../..')
/** A registry that cannot be reached says so at once, or never. */
const PULL_WITHIN_MS = 60_000

export interface ImageOptions {
  /** As docker takes it in DOCKER_HOST. */
  readonly dockerHost: string
  /** Which of the Dockerfile's images; default the controller. */
  readonly target?: 'controller' | 'agent'
  /** By default the chart's repository with the package's version. */
  readonly tag?: string
  /** Both by default as the Dockerfile says, or made here where these cannot be pulled. */
  readonly base?: string
  readonly buildBase?: string
}

export interface BuiltImage {
  readonly tag: string
  readonly bytes: number
  /** What it stands on. */
  readonly base: string
}

const versionOf = (): string =>
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string }).version

/** The default of an ARG of the Dockerfile. */
const defaultOf = (name: string): string => {
  const found = new RegExp(`^ARG ${name}=(\\S+)$`, 'm').exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1]
  if (found === undefined) throw new Error(`the Dockerfile has no ARG ${name} with a default`)
  return found
}

/** Runs docker with a word on how it goes; throws with its last lines. */
const buildWith = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> =>
  new Promise((resolve, reject) => {
    const progress = showProgress('image')
    const last: string[] = []
    const child = spawn('docker', args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = text.split('\n').filter((line) => line.trim() !== '')
        last.splice(0, last.length, ...[...last, ...lines].slice(-20))
        progress.update(lines.at(-1)?.slice(0, 100) ?? '')
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      progress.end()
      if (code === 0) resolve()
      else reject(new Error(`building the image: docker ended with ${code}:\n${last.join('\n')}`))
    })
  })

/** Builds the operator's image, or the agent's, with the Dockerfile at the root. Throws with docker's last lines. */
export const buildImage = async (options: ImageOptions): Promise<BuiltImage> => {
  const env = { ...process.env, DOCKER_HOST: options.dockerHost, DOCKER_BUILDKIT: '0' }
  const docker = async (args: readonly string[], timeout = 0): Promise<string> =>
    (await promisify(execFile)('docker', args, { env, timeout })).stdout.trim()
  const pulled = (image: string): Promise<boolean> =>
    docker(['image', 'inspect', image])
      .catch(() => docker(['pull', '--quiet', image], PULL_WITHIN_MS))
      .then(
        () => true,
        () => false,
      )

  let [base, buildBase] = [options.base ?? defaultOf('BASE'), options.buildBase ?? defaultOf('BUILD_BASE')]
  const wanted = options.base === undefined && options.buildBase === undefined
  if (wanted && !((await pulled(base)) && (await pulled(buildBase)))) {
    ;({ base, buildBase } = await localBases(docker, options.dockerHost))
  }

  const version = versionOf()
  const target = options.target ?? 'controller'
  const tag = options.tag ?? `podmend${target === 'agent' ? '-agent' : ''}:${version}`
  const revision = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: ROOT }).then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  )
  const settings = { BASE: base, BUILD_BASE: buildBase, VERSION: version, REVISION: revision }
  const args = Object.entries(settings).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await buildWith(['build', '--network', 'host', ...args, '--target', target, '--tag', tag, '.'], env)
  const bytes = Number(await docker(['image', 'inspect', '--format', '{{.Size}}', tag]))
  return { tag, bytes, base }
}
