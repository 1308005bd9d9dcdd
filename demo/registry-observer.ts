/** Reports on the time line what the registries answered, each answer once. */
import type { HarborProxy } from '../testbed/registry/harbor-proxy.ts'
import { HOST, PROXIES } from './fixture.ts'
import type { Timeline } from './timeline.ts'

const POLL_MS = 20
const MANIFEST = /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/?]+)/

const answerText = (status: number, repository: string, host: string): string => {
  if (status === 200) return 'the image exists'
  const [project = ''] = repository.split('/')
  const known = PROXIES[host]?.projects.some(({ name }) => name === project)
  return status === 401 && !known && host === HOST ? `401, project not found, name: ${project}` : `${status}`
}

/** Returns a function that stops it. Ignores requests without a login or token, which only ask where to get one. */
export const startRegistryObserver = (proxies: ReadonlyMap<string, HarborProxy>, timeline: Timeline): (() => void) => {
  const reported = new Set<string>()
  const next = new Map<string, number>()
  const poll = (): void => {
    for (const [host, { requests }] of proxies) {
      for (const { path, status, authorization } of requests.slice(next.get(host) ?? 0)) {
        const { repository, reference = '' } = MANIFEST.exec(path)?.groups ?? {}
        if (repository === undefined || authorization === 'none' || reference.startsWith('sha256:')) continue
        const image = `${host}/${repository}:${reference}`
        const text = `asked for ${image}: ${answerText(status, repository, host)}`
        if (reported.has(text)) continue
        reported.add(text)
        timeline.say({ who: 'registry', what: String(status), text, data: { image } })
      }
      next.set(host, requests.length)
    }
  }
  const timer = setInterval(poll, POLL_MS)
  return () => clearInterval(timer)
}
