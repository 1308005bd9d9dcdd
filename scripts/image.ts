/**
 * `npm run image [-- --tag NAME --base IMAGE --build-base IMAGE]`: builds the operator's image with docker, on the bases of the
 * Dockerfile where these can be pulled, else on bases made of Debian packages. Prints its name, size and bases.
 */
import { parseArgs } from 'node:util'
import { buildImage } from '../testbed/image/build-image.ts'
import { withDocker } from '../testbed/machine/docker.ts'

const { values } = parseArgs({
  options: { tag: { type: 'string' }, base: { type: 'string' }, 'build-base': { type: 'string' } },
})
const { tag, base, 'build-base': buildBase } = values
await withDocker(async (dockerHost) => {
  const image = await buildImage({
    dockerHost,
    ...(tag !== undefined && { tag }),
    ...(base !== undefined && { base }),
    ...(buildBase !== undefined && { buildBase }),
  })
  console.log(`${image.tag}  ${(image.bytes / 1e6).toFixed(0)} MB  on ${image.base}`)
})
