import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ACTION_TYPES, actionEntry, fieldOf } from '../../src/api/policy/actions.ts'
import { remedyOf } from '../../src/remedies/list.ts'
import { type Generator, HEADER } from './generator.ts'

const SCHEMA = 'charts/podmend/values.schema.json'

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
}

const switchOf = (description: string) => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties: { enabled: { type: 'boolean', description: 'Whether it is enabled.' } },
})

/** The actions in the chart: the schema of their values, and which of them need the agent. */
export const chartActions: Generator = {
  name: 'chart-actions',
  outputs: async (root) => {
    const schema = JSON.parse(await readFile(join(root, SCHEMA), 'utf8')) as Schema
    const properties = Object.fromEntries(ACTION_TYPES.map((type) => [fieldOf(type), switchOf(actionEntry(type).does)]))
    const actions = { ...schema.properties?.['actions'], properties }
    const needingAgent = ACTION_TYPES.filter((type) => remedyOf(type).needsAgent)
    return [
      {
        path: SCHEMA,
        text: `${JSON.stringify({ ...schema, properties: { ...schema.properties, actions } }, null, 2)}\n`,
      },
      {
        path: 'charts/podmend/templates/_actions.tpl',
        text: `{{/* ${HEADER} */}}\n{{- define "podmend.actionsNeedingAgent" -}}${needingAgent.map(fieldOf).join(' ')}{{- end }}\n`,
      },
    ]
  },
}
