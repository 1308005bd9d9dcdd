/** Tells on the time line what the registry answered, each answer once. */
import type { HarborFront } from '../registry/harbor-front.ts'
import { HOST } from './scene.ts'
import type { Timeline } from './timeline.ts'

const LOOK_MS = 20
const MANIFEST = /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/?]+)/

const said = (status: number, repository: string): string => {
  if (status === 200) return 'the image is there'
  return status === 401 ? `401, project not found, name: ${repository.split('/')[0]}` : `${status}`
}

/** Gives the end of it. Requests without a login or token are left out: they only ask where to get one. */
export const startRegistryWitness = (front: HarborFront, timeline: Timeline): (() => void) => {
  const told = new Set<string>()
  let next = 0
  const look = (): void => {
    for (; next < front.requests.length; next++) {
      const { path, status, authorization } = front.requests[next]!
      const { repository, reference = '' } = MANIFEST.exec(path)?.groups ?? {}
      if (repository === undefined || authorization === 'none' || reference.startsWith('sha256:')) continue
      const text = `asked for ${HOST}/${repository}:${reference}: ${said(status, repository)}`
      if (told.has(text)) continue
      told.add(text)
      timeline.say({ who: 'registry', what: String(status), text })
    }
  }
  const timer = setInterval(look, LOOK_MS)
  return () => clearInterval(timer)
}
