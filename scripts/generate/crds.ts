import { stringify } from 'yaml'
import { customResourceDefinitions } from '../../src/api/kinds.ts'
import { type Generator, HEADER } from './generator.ts'

/** `crds/`: one file a kind, from the schemas in `src/api/`. */
export const crds: Generator = {
  name: 'crds',
  outputs: () =>
    Promise.resolve(
      customResourceDefinitions().map((crd) => ({
        path: `crds/${crd.metadata.name}.yaml`,
        text: `# ${HEADER}\n${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`,
      })),
    ),
}
