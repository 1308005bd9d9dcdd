/** Where a failing container stands in what would be written: the owner's pod template, or the bare pod itself. */
import type { Container } from '../api/kubernetes.ts'
import type { Owner } from '../diagnose/incident.ts'

export interface Placed {
  readonly container: Container
  /** JSON pointer in the owner, e.g. `/spec/template/spec/containers/0`. */
  readonly pointer: string
  /** The image's exact text; empty where the template leaves it out. */
  readonly image: string
}

/** A container is meant by name and by kind: an init container and a regular one never share a name, but do change places. */
export interface Named {
  readonly container: string
  readonly init: boolean
}

/** The container in the owner's template; undefined where it does not stand there (a sidecar that a webhook added). */
export const placeOf = (owner: Owner, { container: name, init }: Named): Placed | undefined => {
  const list = init ? owner.initContainers : owner.containers
  const index = list.findIndex((container) => container.name === name)
  const container = list[index]
  if (!container) return undefined
  const root = owner.ref.kind === 'Pod' ? '/spec' : '/spec/template/spec'
  return {
    container,
    pointer: `${root}/${init ? 'initContainers' : 'containers'}/${index}`,
    image: container.image ?? '',
  }
}

/** `Deployment kube-system/coredns`. */
export const nameOfOwner = ({ ref }: Owner): string =>
  `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`

/** Why an owner is of a kind that is explained and not touched; undefined for the others. */
export const sayUntouched = (owner: Owner): string | undefined =>
  owner.support === 'unsupported' ? (owner.why ?? `${nameOfOwner(owner)} is of a kind that is not touched`) : undefined
