/** The demo's workloads: those to repair, those to explain, and those with similar failures that must not be changed. */
import type { Flavour, Project } from '../testbed/registry/harbor-proxy.ts'

export const HOST = 'harbor.od.com'
const HARBOR2 = 'harbor2.od.com'
export const NODES = ['node-1', 'node-2'] as const
export const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const

/** The policy that the demo enables, by its file in `examples/`. */
export const POLICY = 'moved-registry-project'

/** Pushed first. No Harbor proxy has a project `k8s` or `k8s-old`. */
export const IMAGES = [
  { repository: 'public/coredns', tag: '1.6.1' },
  { repository: 'public/dashboard', tag: '2.0' },
  { repository: 'public/guestbook', tag: '1.2' },
  { repository: 'public/reports', tag: '2.3' },
  { repository: 'team/intranet', tag: '7' },
  { repository: 'team/intranet', tag: '8' },
  { repository: 'library/nginx', tag: '1' },
  { repository: 'nickchase/rss-php-nginx', tag: 'v1' },
] as const

export const ROBOT = { user: 'robot', password: 'let-me-pull' }

interface ProxyConfig {
  readonly flavour: Flavour
  readonly projects: readonly Project[]
}

const PUBLIC: Project = { name: 'public', public: true }

/** Registries by the host in image names: each behaves like its kind of registry, all have the same content. */
export const PROXIES: Readonly<Record<string, ProxyConfig>> = {
  [HOST]: { flavour: 'harbor1', projects: [PUBLIC, { name: 'team', public: false }] },
  [HARBOR2]: { flavour: 'harbor2', projects: [PUBLIC] },
  'docker.io': {
    flavour: 'hub',
    projects: [
      { name: 'library', public: true },
      { name: 'nickchase', public: true },
    ],
  },
}

/** A Deployment as `namespace/name`. */
export type Place = string

export interface Member {
  readonly place: Place
  readonly image: string
  /** The record's reason at the end. */
  readonly reason: string
  /** Why this is the right outcome. */
  readonly why: string
  /** The likeliest explanation on the record: its kind, and the intended image. */
  readonly explained?: { readonly kind: string; readonly image?: string }
}

/** A workload that is repaired. */
export interface Repair extends Member {
  /** Its image at the end. */
  readonly becomes: string
}

export const REPAIRED: Repair = {
  place: 'kube-system/coredns',
  image: `${HOST}/k8s/coredns:1.6.1`,
  becomes: `${HOST}/public/coredns:1.6.1`,
  reason: 'Repaired',
  why: 'the policy names its namespace, and the registry has the image under the new path',
}

/** The same incident at a registry that does not say that the project is missing. */
export const REPAIRED_TOO: Repair = {
  place: 'default/dashboard',
  image: `${HARBOR2}/k8s/dashboard:2.0`,
  becomes: `${HARBOR2}/public/dashboard:2.0`,
  reason: 'Repaired',
  why: 'to an anonymous client Harbor 2 reports a missing project like a private one; the image exists under the new path',
}

export const REPAIRS: readonly Repair[] = [REPAIRED, REPAIRED_TOO]

export const LEFT_ALONE: readonly Member[] = [
  {
    place: 'default/reports',
    image: `${HOST}/k8s-old/reports:2.3`,
    reason: 'ObserveOnly',
    why: `fails with the same message, but ${HOST}/k8s-old/ is not ${HOST}/k8s/: the policy's rule does not apply`,
  },
  {
    place: 'default/guestbook',
    image: `${HOST}/k8s/guestbook:1.2`,
    reason: 'ManagedElsewhere',
    why: 'the rule applies and the image exists, but Argo CD manages it and would restore the old path',
  },
  {
    place: 'default/rss-site',
    image: 'nickchase/rss-php-ngnix:v1',
    reason: 'ObserveOnly',
    why: 'one container runs, the other fails with "pull access denied": a mistyped name, which is only suggested',
    explained: { kind: 'LikelyTypo', image: 'docker.io/nickchase/rss-php-nginx:v1' },
  },
  {
    place: 'default/intranet',
    image: `${HOST}/team/intranet:8`,
    reason: 'ObserveOnly',
    why: 'the name is correct: another tag of the image runs nearby with a pull secret; this workload has none',
    explained: { kind: 'MissingCredentials' },
  },
]

/** All workloads that fail. */
export const MEMBERS: readonly Member[] = [...REPAIRS, ...LEFT_ALONE]

/** Healthy workloads, which show how the last two should be. */
export const NEIGHBOURS: readonly Pick<Member, 'place' | 'image'>[] = [
  { place: 'default/rss-feed', image: 'nickchase/rss-php-nginx:v1' },
  { place: 'default/staff', image: `${HOST}/team/intranet:7` },
]

const SECOND_POLICY = {
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'RemediationPolicy',
  metadata: { name: 'moved-at-harbor-2' },
  spec: {
    mode: 'Enforce',
    match: {
      causes: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
      images: [`${HARBOR2}/k8s/*`],
      namespaces: ['default'],
    },
    actions: [
      {
        type: 'RewriteImage',
        rewriteImage: { rules: [{ from: `${HARBOR2}/k8s/`, to: `${HARBOR2}/public/` }] },
      },
    ],
  },
}

/** The owner's policy for the other registry. */
export const secondPolicy = (): string => JSON.stringify(SECOND_POLICY)

interface Extra {
  readonly annotations?: Readonly<Record<string, string>>
  readonly podSpec?: object
  readonly beside?: object
}

const deployment = ({ place, image }: Pick<Member, 'place' | 'image'>): object => {
  const { annotations, podSpec, beside }: Extra = extras[place] ?? {}
  const [namespace, name = ''] = place.split('/')
  const labels = { 'k8s-app': name }
  const containers = [...(beside ? [beside] : []), { name, image }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, ...(annotations && { annotations }) },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, ...podSpec } },
    },
  }
}

const extras: Readonly<Record<Place, Extra>> = {
  'kube-system/coredns': { podSpec: { priorityClassName: 'system-cluster-critical', dnsPolicy: 'Default' } },
  'default/guestbook': {
    annotations: { 'argocd.argoproj.io/tracking-id': 'guestbook:apps/Deployment:default/guestbook' },
  },
  'default/rss-site': { beside: { name: 'nginx', image: 'nginx:1' } },
  'default/staff': { podSpec: { imagePullSecrets: [{ name: 'harbor' }] } },
}

const pullSecret = (): object => {
  const auth = Buffer.from(`${ROBOT.user}:${ROBOT.password}`).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'harbor', namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [HOST]: { auth } } }) },
  }
}

const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })

/** All healthy workloads, for `kubectl apply`. */
export const neighbourManifest = (): string => listOf([pullSecret(), ...NEIGHBOURS.map(deployment)])

/** All broken workloads, for `kubectl apply`. */
export const fixtureManifest = (): string => listOf(MEMBERS.map(deployment))
