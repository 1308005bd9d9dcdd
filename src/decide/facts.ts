import { isNodeCause } from '../api/causes.ts'
import { normalImage } from '../api/image-reference.ts'
import type { Fact, FactName, Facts, Incident, RegistryAnswer } from '../diagnose/incident.ts'
import type { Case } from './case.ts'

/** A request for facts that are missing. */
export interface Ask {
  readonly ask: readonly FactName[]
}

/** Name of the registry's word on an image; the normal form, so that `nginx` and `docker.io/library/nginx` are asked once. */
export const registryFact = (image: string): FactName => ({ fact: 'registry', image: normalImage(image) })

/** What a registry said of an image; undefined where it was not asked yet. */
export const registryOf = (facts: Facts, image: string): Fact<RegistryAnswer> | undefined => {
  const name = normalImage(image)
  return Object.hasOwn(facts.registry, name) ? facts.registry[name] : undefined
}

const isThere = (facts: Facts, name: FactName): boolean =>
  'image' in name ? Object.hasOwn(facts[name.fact] ?? {}, normalImage(name.image)) : facts[name.fact] !== undefined

const nameOf = (name: FactName): string => ('image' in name ? `${name.fact} ${normalImage(name.image)}` : name.fact)

/**
 * Asks for those of the facts that are not there, each once; undefined where all are. The only maker of requests:
 * a fact that is there, known or not, is never asked for again, so asking always comes to an end.
 */
export const askFor = (facts: Facts, names: readonly FactName[]): Ask | undefined => {
  const missing = new Map(names.filter((name) => !isThere(facts, name)).map((name) => [nameOf(name), name]))
  return missing.size === 0 ? undefined : { ask: [...missing.values()] }
}

/** Namespace and node go together: both may opt out, and one round trip reads both. Pods of a node have many namespaces. */
export const surroundings = ({ incident }: Case): readonly FactName[] =>
  isNodeCause(incident.area) ? [{ fact: 'namespaces' }, { fact: 'node' }] : surroundingsOfPods(incident)

const surroundingsOfPods = (incident: Incident): readonly FactName[] =>
  incident.pods.some(({ pod }) => pod.spec?.nodeName)
    ? [{ fact: 'namespace' }, { fact: 'node' }]
    : [{ fact: 'namespace' }]
