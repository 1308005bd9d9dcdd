import { type JsonSchema, schemaOf } from '../../src/api/crd.ts'
import { policySpec } from '../../src/api/policy/policy.ts'
import { FLAGS } from '../../src/config/flags.ts'
import { GUARDRAILS } from '../../src/decide/guardrails/chain.ts'
import { CAUSES_BY_AREA } from '../../src/model/causes.ts'
import { PHASE_EXPLANATIONS, PHASES } from '../../src/model/reasons.ts'
import { createMetrics } from '../../src/report/metrics.ts'
import { REASONS } from '../../src/report/events.ts'
import { ALERTS } from './alerts/table.ts'
import { catalogueText } from './catalogue.ts'
import { declaredGrants, rolesOf } from './rbac.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A Markdown table. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n')

const code = (text: string): string => `\`${text}\``

const EVENTS_ON = { none: '', owner: 'the workload', both: 'the workload and the policy' }

const typeOf = (schema: JsonSchema): string => {
  const names = schema['enum'] as readonly string[] | undefined
  if (names) return names.length > 8 ? 'a cause' : names.map(code).join(' ')
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'anything'}`
  if (schema.type === 'integer') return `${String(schema['minimum'])} to ${String(schema['maximum'])}`
  if (schema.additionalProperties) return 'map of strings'
  return schema.type ?? ''
}

const rows = (schema: JsonSchema, path: string): readonly (readonly string[])[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}${name}`
    const inner = field.type === 'array' ? field.items : field
    const selector = inner?.properties?.['matchLabels'] !== undefined
    const fallback = field['default']
    const shown =
      fallback === undefined || typeof fallback === 'object'
        ? (schema['required'] as readonly string[] | undefined)?.includes(name)
          ? 'required'
          : ''
        : code(String(fallback as string | number | boolean))
    const row = [code(here), selector ? 'label selector' : typeOf(field), shown, field.description ?? '']
    if (!inner?.properties || selector) return [row]
    return [row, ...rows(inner, `${here}${field.type === 'array' ? '[]' : ''}.`)]
  })

/** Names, kinds and meanings, from a scrape. */
const metricRows = async (): Promise<readonly (readonly string[])[]> => {
  const { body } = await createMetrics({ version: '0', defaults: false }).scrape()
  const kinds = new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind = '']) => [name, kind]))
  return [...body.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => [
    code(name),
    kinds.get(name) ?? '',
    help,
  ])
}

const rightRows = async (root: string): Promise<readonly (readonly string[])[]> =>
  rolesOf(await declaredGrants(root)).flatMap(({ name, lines }) =>
    lines.map((line) => [
      code(name),
      line.resources
        .map((resource) => (line.apiGroups[0] ? resource.replace(/^[^/]+/, `$&.${line.apiGroups[0]}`) : resource))
        .map(code)
        .join(', '),
      [...line.verbs].join(', '),
      [...line.why].join('; '),
    ]),
  )

const alertTable = (): string =>
  table(
    ['Alert', 'Severity', 'Fires when', 'For'],
    ALERTS.map(({ name, severity, when, for: lasting }) => [
      `[${name}](${name}.md)`,
      severity,
      when,
      lasting === '0m' ? 'immediately' : lasting,
    ]),
  )

/** Tables by the name in a document's marker. To add a table, add an entry. */
export const TABLES: Readonly<Record<string, (root: string) => string | Promise<string>>> = {
  causes: () =>
    table(
      ['Area', 'Causes'],
      Object.entries(CAUSES_BY_AREA).map(([area, causes]) => [area, causes.map(code).join(', ')]),
    ),
  catalogue: catalogueText,
  'policy-fields': () => table(['Field', 'Value', 'Default', 'Description'], rows(schemaOf(policySpec, 'spec'), '')),
  guardrails: () =>
    table(
      ['', 'Reason', 'Holds when'],
      GUARDRAILS.map(({ reason, when }, i) => [String(i + 1), code(reason), when]),
    ),
  phases: () =>
    table(
      ['Phase', 'Meaning'],
      PHASES.map((phase) => [code(phase), PHASE_EXPLANATIONS[phase]]),
    ),
  reasons: () =>
    table(
      ['Reason', 'Meaning', 'Event on'],
      Object.entries(REASONS).map(([reason, { meaning, events }]) => [code(reason), meaning, EVENTS_ON[events]]),
    ),
  metrics: async () => table(['Metric', 'Type', 'Description'], await metricRows()),
  // Its links are relative to the folder of the runbooks.
  alerts: alertTable,
  rights: async (root) => table(['Role', 'Resources', 'Verbs', 'Needed'], await rightRows(root)),
  flags: () =>
    table(
      ['Flag', 'Environment variable', 'Default', 'Description'],
      Object.values(FLAGS).map((flag) => [
        code(`--${flag.name}`),
        code(flag.env),
        flag.defaultText ?? (typeof flag.default === 'object' ? 'none' : code(String(flag.default))),
        flag.help,
      ]),
    ),
}
