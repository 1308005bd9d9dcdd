/** What the proxies of registries have in common: they serve the content of a real registry behind them. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Paths below a repository, as the distribution specification has them. */
export const CONTENT = /^\/v2\/(?<repository>.+)\/(?<what>manifests|blobs|tags|referrers)\/(?<reference>[^/]+)$/

const FORWARDED = ['accept', 'range', 'if-none-match']
const RETURNED = ['content-type', 'content-length', 'docker-content-digest', 'etag', 'link', 'content-range']

/** Whether the registry at this URL, which knows no users, has the repository. */
export const repositoryExists = async (registry: string, repository: string): Promise<boolean> =>
  (await fetch(`${registry}/v2/${repository}/tags/list?n=1`)).ok

/** The registry's answer to a proxy's own request, sent in the same way. */
export const fetchContent = (url: string, { method = 'GET', headers }: IncomingMessage): Promise<Response> =>
  fetch(url, {
    method,
    headers: Object.fromEntries(
      FORWARDED.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
    ),
  })

/** Hands the answer on. */
export const sendContent = async (response: ServerResponse, content: Response): Promise<void> => {
  const returned = RETURNED.flatMap((name) => {
    const value = content.headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  response.writeHead(content.status, {
    'docker-distribution-api-version': 'registry/2.0',
    ...Object.fromEntries(returned),
  })
  response.end(Buffer.from(await content.arrayBuffer()))
}

/** Ends a server with its connections. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
