/** Where a failing container stands in what would be written: the owner's pod template, or the bare pod itself. */
import type { Container, Pod } from '../api/kubernetes.ts'
import type { Owner } from '../diagnose/incident.ts'

export interface Placed {
  readonly container: Container
  /** JSON pointer in the object, e.g. `/spec/template/spec/containers/0`. */
  readonly pointer: string
  /** The image's exact text; empty where the template leaves it out. */
  readonly image: string
}

/** A container is meant by name and by kind: an init container and a regular one never share a name, but do change places. */
export interface Named {
  readonly container: string
  readonly init: boolean
}

/** Where an object of a kind has its pods' spec, part by part. */
export const podSpecPath = (kind: string): readonly string[] => {
  switch (kind) {
    case 'Pod':
      return ['spec']
    case 'CronJob':
      return ['spec', 'jobTemplate', 'spec', 'template', 'spec']
    default:
      return ['spec', 'template', 'spec']
  }
}

interface Containers {
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
}

const placeIn = (kind: string, spec: Containers, { container: name, init }: Named): Placed | undefined => {
  const list = (init ? spec.initContainers : spec.containers) ?? []
  const index = list.findIndex((container) => container.name === name)
  const container = list[index]
  if (!container) return undefined
  const root = podSpecPath(kind).join('/')
  return {
    container,
    pointer: `/${root}/${init ? 'initContainers' : 'containers'}/${index}`,
    image: container.image ?? '',
  }
}

/** The container in the owner's template; undefined where it does not stand there (a sidecar that a webhook added). */
export const placeOf = (owner: Owner, named: Named): Placed | undefined => placeIn(owner.ref.kind, owner, named)

/** The container in a pod itself. */
export const placeInPod = ({ spec = {} }: Pod, named: Named): Placed | undefined => placeIn('Pod', spec, named)

/** `Deployment kube-system/coredns`. */
export const nameOfOwner = ({ ref }: Owner): string =>
  `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`

/** Why an owner is of a kind that is explained and not touched; undefined for the others. */
export const sayUntouched = (owner: Owner): string | undefined =>
  owner.support === 'unsupported' ? (owner.why ?? `${nameOfOwner(owner)} is of a kind that is not touched`) : undefined
