/**
 * `npm run image [-- --target controller|agent --tag NAME --base IMAGE --build-base IMAGE]`: builds the operator's image and the
 * agent's with docker, on the bases of the Dockerfile where these can be pulled, else on bases made of Debian packages.
 * Prints their names, sizes and bases.
 */
import { type Flag, readArguments, UsageError } from '../src/config/arguments.ts'
import { buildImage } from '../testbed/image/build-image.ts'
import { withDocker } from '../testbed/machine/docker.ts'

const USAGE = `Usage: npm run image -- [--target controller|agent] [--tag NAME] [--base IMAGE] [--build-base IMAGE]

  Builds the operator's image and the agent's with docker, and prints their names, sizes and bases. Without a running
  Docker daemon it needs root: it then starts its own.

  --target      only this one
  --tag         its name, with --target (default: the project's)
  --base        what it runs on (default: the Dockerfile's where it can be pulled, else made of Debian packages)
  --build-base  what it is built on (default: in the same way)`

const TARGETS = ['controller', 'agent'] as const

const FLAGS = {
  target: { type: 'string', choices: TARGETS },
  tag: { type: 'string', value: 'NAME' },
  base: { type: 'string', value: 'IMAGE' },
  'build-base': { type: 'string', value: 'IMAGE' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Readonly<Record<string, Flag>>

/** Undefined if help was asked for. Throws `UsageError`. */
const readOptions = (args: readonly string[]) => {
  const { given } = readArguments(args, FLAGS, { positionals: false })
  if (given.has('help')) return undefined
  const text = (name: keyof typeof FLAGS): string | undefined => given.get(name)?.at(-1)?.text
  const [target, tag] = [text('target'), text('tag')]
  const targets = TARGETS.filter((each) => target === undefined || target === each)
  if (targets.length === 0) throw new UsageError(`--target: found "${target}", expected ${TARGETS.join(' or ')}`)
  if (tag !== undefined && targets.length > 1) throw new UsageError('--tag names one image: give --target as well')
  return { targets, tag, base: text('base'), buildBase: text('build-base') }
}

const build = ({ targets, tag, base, buildBase }: NonNullable<ReturnType<typeof readOptions>>): Promise<void> =>
  withDocker(async (dockerHost) => {
    for (const target of targets) {
      const image = await buildImage({
        dockerHost,
        target,
        ...(tag !== undefined && { tag }),
        ...(base !== undefined && { base }),
        ...(buildBase !== undefined && { buildBase }),
      })
      console.log(`${image.tag}  ${(image.bytes / 1e6).toFixed(0)} MB  on ${image.base}`)
    }
  })

try {
  const options = readOptions(process.argv.slice(2))
  if (options) await build(options)
  else console.log(USAGE)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
