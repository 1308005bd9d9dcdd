import { readdirSync } from 'node:fs'
import type { Scenario } from './scenario.ts'

const FOLDER = new URL('scenarios/', import.meta.url)

/** Every scenario of every file of `scenarios/`, each of which exports `scenarios`, in the order of the files' names. */
export const loadScenarios = async (): Promise<readonly Scenario[]> => {
  const found: Scenario[] = []
  for (const name of readdirSync(FOLDER).toSorted()) {
    if (!name.endsWith('.ts')) continue
    const module = (await import(new URL(name, FOLDER).href)) as { readonly scenarios?: readonly Scenario[] }
    if (!module.scenarios) throw new Error(`loading e2e/scenarios/${name}: it exports no scenarios`)
    found.push(...module.scenarios)
  }
  const twice = found.find(({ name }, i) => found.findIndex((each) => each.name === name) !== i)
  if (twice) throw new Error(`loading scenarios: two have the name ${twice.name}`)
  return found
}
