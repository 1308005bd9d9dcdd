import { CAUSES_BY_AREA } from '../../src/api/causes.ts'
import type { JsonSchema } from '../../src/api/crd.ts'
import { schemaOf } from '../../src/api/crd.ts'
import { policySpec } from '../../src/api/policy.ts'
import { HOLD_EXPLANATIONS, HOLD_REASONS, PHASE_EXPLANATIONS, PHASES } from '../../src/api/reasons.ts'
import { OUTCOME_EXPLANATIONS } from '../../src/api/remediation.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A Markdown table. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(' | ')} |`).join('\n')

const code = (text: string): string => `\`${text}\``

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

/** Tables by the name that stands in a document's marker; another one is one more line. */
export const TABLES: Readonly<Record<string, (root: string) => string>> = {
  causes: () =>
    table(
      ['area', 'causes'],
      Object.entries(CAUSES_BY_AREA).map(([area, causes]) => [area, causes.map(code).join(', ')]),
    ),
  'policy-fields': () => table(['field', 'value', 'default', 'meaning'], rows(schemaOf(policySpec, 'spec'), '')),
  guardrails: () =>
    table(
      ['', 'reason', 'holds when'],
      HOLD_REASONS.map((reason, i) => [String(i + 1), code(reason), HOLD_EXPLANATIONS[reason]]),
    ),
  phases: () =>
    table(
      ['phase', 'meaning'],
      PHASES.map((phase) => [code(phase), PHASE_EXPLANATIONS[phase]]),
    ),
  outcomes: () =>
    table(
      ['reason', 'meaning'],
      Object.entries(OUTCOME_EXPLANATIONS).map(([reason, text]) => [code(reason), text]),
    ),
}
