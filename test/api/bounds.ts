import type { JsonSchema } from '../../src/api/crd.ts'
import type { Edits } from './edited.ts'

interface Row {
  readonly name: string
  readonly edits: Edits
}

const steps = (path: string): string => path.replaceAll('[]', '.0')

const wrong = (schema: JsonSchema): readonly (readonly [string, unknown])[] => {
  const [min, max, long] = [schema['minimum'], schema['maximum'], schema['maxLength']] as (number | undefined)[]
  const values = schema['enum'] as readonly string[] | undefined
  return [
    ...(values ? [['another name', 'Nonsense'] as const] : []),
    ...(min === undefined ? [] : [['too little', min - 1] as const]),
    ...(max === undefined ? [] : [['too much', max + 1] as const]),
    ...(long === undefined ? [] : [['too long a text', 'a'.repeat(long + 1)] as const]),
    ['another type', schema.type === 'object' || schema.type === 'array' ? 'text' : { a: 'b' }],
  ]
}

/** For every field of a schema, values that its own bounds exclude. Lists are tried at their first entry. */
export const boundRows = (schema: JsonSchema, path: string): readonly Row[] => {
  const here = wrong(schema).map(([what, value]) => ({ name: `${what} in ${path}`, edits: { [steps(path)]: value } }))
  const tooMany = schema['maxItems'] as number | undefined
  const filled = tooMany === undefined ? [] : Array.from({ length: tooMany + 1 }, () => ({}))
  return [
    ...here,
    ...(tooMany === undefined ? [] : [{ name: `too many entries in ${path}`, edits: { [steps(path)]: filled } }]),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => boundRows(field, `${path}.${name}`)),
    ...(schema.items ? boundRows(schema.items, `${path}[]`) : []),
  ]
}
