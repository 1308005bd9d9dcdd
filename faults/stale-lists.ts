/** The first list of a watch, from an older version of the API server's state. Pure. */

/** How long the watch lags behind after such a list. */
export const STALE_MS = 5_000

/** What is listed stale: all that decisions depend on. */
export const LISTED: readonly string[] = [
  'remediationpolicies.podmend.io',
  'remediations.podmend.io',
  'namespaces',
  'pods',
  'events',
  'nodes',
]

const parse = (url: string): { readonly path: string; readonly params: URLSearchParams } => {
  const [path = '', query = ''] = url.split('?')
  return { path, params: new URLSearchParams(query) }
}

/** Whether the watch begins with a list. */
export const isInitial = (url: string): boolean => parse(url).params.get('sendInitialEvents') === 'true'

const WATCHING = ['watch', 'sendInitialEvents', 'resourceVersionMatch', 'allowWatchBookmarks', 'timeoutSeconds']

/** Where the list of that version is, and the watch that goes on from it. */
export const staleUrls = (url: string, version: string): { readonly list: string; readonly watch: string } => {
  const { path, params } = parse(url)
  const list = new URLSearchParams([...params].filter(([name]) => !WATCHING.includes(name)))
  list.set('resourceVersion', version)
  list.set('resourceVersionMatch', 'Exact')
  const watch = new URLSearchParams(params)
  for (const name of ['sendInitialEvents', 'resourceVersionMatch']) watch.delete(name)
  watch.set('resourceVersion', version)
  return { list: `${path}?${list.toString()}`, watch: `${path}?${watch.toString()}` }
}

interface List {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: { readonly resourceVersion: string }
  readonly items: readonly object[]
}

/** A list's text as the beginning of a watch: its items, and the bookmark that ends them. Throws where it is none. */
export const initialEvents = (text: string): string => {
  const { kind, apiVersion, metadata, items } = JSON.parse(text) as List
  const about = { kind: kind.replace(/List$/, ''), apiVersion }
  const events = items.map((item) => ({ type: 'ADDED', object: { ...about, ...item } }))
  const { resourceVersion } = metadata
  const bookmark = { ...about, metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } }
  return [...events, { type: 'BOOKMARK', object: bookmark }].map((event) => `${JSON.stringify(event)}\n`).join('')
}
