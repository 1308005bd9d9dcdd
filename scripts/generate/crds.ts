import { stringify } from 'yaml'
import { customResourceDefinitions } from '../../src/api/kinds.ts'
import { type Generator, HEADER } from './generator.ts'

const yamlOf = (crd: object): string => `# ${HEADER}\n${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`

/**
 * One file per kind, from the schemas in `src/api/`: in `crds/`, and in the chart, where an annotation keeps them after an
 * uninstall.
 */
export const crds: Generator = {
  name: 'crds',
  outputs: () =>
    Promise.resolve(
      customResourceDefinitions().flatMap((crd) => {
        const { name } = crd.metadata
        const kept = { ...crd, metadata: { name, annotations: { 'helm.sh/resource-policy': 'keep' } } }
        return [
          { path: `crds/${name}.yaml`, text: yamlOf(crd) },
          { path: `charts/podmend/files/crds/${name}.yaml`, text: yamlOf(kept) },
        ]
      }),
    ),
}
