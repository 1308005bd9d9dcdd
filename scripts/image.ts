/**
 * `npm run image [-- --target controller|agent --tag NAME --base IMAGE --build-base IMAGE]`: builds the operator's image and the
 * agent's with docker, on the bases of the Dockerfile where these can be pulled, else on bases made of Debian packages.
 * Prints their names, sizes and bases.
 */
import { parseArgs } from 'node:util'
import { buildImage } from '../testbed/image/build-image.ts'
import { withDocker } from '../testbed/machine/docker.ts'

const TARGETS = ['controller', 'agent'] as const

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    tag: { type: 'string' },
    base: { type: 'string' },
    'build-base': { type: 'string' },
  },
})
const { tag, base, 'build-base': buildBase } = values
const targets = TARGETS.filter((target) => values.target === undefined || values.target === target)
if (targets.length === 0) throw new Error(`--target: found "${values.target}", expected ${TARGETS.join(' or ')}`)
if (tag !== undefined && targets.length > 1) throw new Error('--tag names one image: give --target as well')
await withDocker(async (dockerHost) => {
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
