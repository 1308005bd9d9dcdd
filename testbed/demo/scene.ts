/** What the demo plays: one incident that must be repaired, and two look-alikes that must be left alone. */

export const HOST = 'harbor.od.com'
export const NODES = ['node-1', 'node-2'] as const
export const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const

/** The policy that is switched on, by its file in `examples/`. */
export const POLICY = 'moved-registry-project'

/** Pushed before anything else. No project `k8s` or `k8s-old` is left at the registry's front. */
export const IMAGES = [
  { repository: 'public/coredns', tag: '1.6.1' },
  { repository: 'public/guestbook', tag: '1.2' },
  { repository: 'public/reports', tag: '2.3' },
] as const

/** Where a Deployment stands: `namespace/name`. */
export type Place = string

export interface Member {
  readonly place: Place
  readonly image: string
  /** What the image must be at the end; absent where nothing may change. */
  readonly becomes?: string
  /** One of these must be the record's reason at the end. */
  readonly reason: string
  /** Why a person would want it so. */
  readonly why: string
}

export const REPAIRED: Member & { readonly becomes: string } = {
  place: 'kube-system/coredns',
  image: `${HOST}/k8s/coredns:1.6.1`,
  becomes: `${HOST}/public/coredns:1.6.1`,
  reason: 'Repaired',
  why: 'the policy names its namespace, the registry has the image under the new path',
}

export const LEFT_ALONE: readonly Member[] = [
  {
    place: 'default/reports',
    image: `${HOST}/k8s-old/reports:2.3`,
    reason: 'ObserveOnly',
    why: `fails in the same words, but ${HOST}/k8s-old/ is not ${HOST}/k8s/: the policy's rule does not speak of it`,
  },
  {
    place: 'default/guestbook',
    image: `${HOST}/k8s/guestbook:1.2`,
    reason: 'ManagedElsewhere',
    why: 'the rule fits and the image would be there, but Argo CD would write the old path back',
  },
]

export const MEMBERS: readonly Member[] = [REPAIRED, ...LEFT_ALONE]

interface Extra {
  readonly annotations?: Readonly<Record<string, string>>
  readonly podSpec?: object
}

const deployment = ({ place, image }: Member, { annotations, podSpec }: Extra = {}): object => {
  const [namespace, name = ''] = place.split('/')
  const labels = { 'k8s-app': name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, ...(annotations && { annotations }) },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image }], ...podSpec } },
    },
  }
}

const extras: Readonly<Record<Place, Extra>> = {
  'kube-system/coredns': { podSpec: { priorityClassName: 'system-cluster-critical', dnsPolicy: 'Default' } },
  'default/guestbook': {
    annotations: { 'argocd.argoproj.io/tracking-id': 'guestbook:apps/Deployment:default/guestbook' },
  },
}

/** All Deployments of the scene as one object for `kubectl apply`. */
export const sceneManifest = (): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: MEMBERS.map((member) => deployment(member, extras[member.place])),
  })
