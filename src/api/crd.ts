/**
 * zod schemas → CustomResourceDefinitions with structural schemas. What the API server would refuse, prune in silence or
 * explain badly is refused here, with its path: kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
import { RE2JS } from 're2js'
import { z } from 'zod'
import { GROUP, VERSION } from '../model/names.ts'
import type { CelRule } from './schema.ts'

export interface JsonSchema {
  readonly [key: string]: unknown
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
}

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date' | 'boolean'
  readonly jsonPath: string
  readonly description: string
  /** 1 shows it in `-o wide` only. */
  readonly priority?: 1
}

/** One kind: what the schemas cannot say of it. */
export interface KindDefinition {
  readonly kind: string
  readonly plural: string
  readonly shortNames: readonly string[]
  readonly scope: 'Cluster' | 'Namespaced'
  readonly description: string
  readonly spec: z.ZodType
  readonly status: z.ZodType
  readonly specDescription: string
  readonly statusDescription: string
  readonly rules: readonly CelRule[]
  readonly columns: readonly PrinterColumn[]
  /** JSON paths of strings that field selectors may name. */
  readonly selectable: readonly string[]
}

const KNOWN = new Set([
  'type',
  'format',
  'description',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'properties',
  'required',
  'items',
  'minItems',
  'maxItems',
  'additionalProperties',
  'maxProperties',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
])

const bound = (schema: JsonSchema, path: string): string | undefined => {
  const lacks = (key: string): string | undefined => (schema[key] === undefined ? `${path}: needs ${key}` : undefined)
  switch (schema.type) {
    case 'integer':
      return lacks('minimum') ?? lacks('maximum')
    case 'string':
      return schema['enum'] !== undefined || schema['format'] !== undefined ? undefined : lacks('maxLength')
    case 'array':
      return lacks('items') ?? lacks('maxItems') ?? lacks('x-kubernetes-list-type')
    case 'object':
      return schema.properties === undefined ? (lacks('additionalProperties') ?? lacks('maxProperties')) : undefined
    case 'boolean':
      return undefined
    default:
      return `${path}: type ${JSON.stringify(schema.type)} is not structural; use one type, no union and no number`
  }
}

const refusePattern = (source: unknown, path: string): void => {
  try {
    RE2JS.compile(String(source))
  } catch (cause) {
    throw new Error(`${path}: pattern is not RE2`, { cause })
  }
}

/** Checks one schema and everything below it, and returns it as the API server takes it. Throws with the path. */
export const structural = (given: JsonSchema, path: string): JsonSchema => {
  const { additionalProperties, ...rest } = given as Record<string, unknown>
  // Strict objects: the API server prunes unknown fields by itself and takes no `additionalProperties: false`.
  const schema = (typeof additionalProperties === 'object' ? { ...rest, additionalProperties } : rest) as Record<
    string,
    unknown
  > &
    JsonSchema
  const strange = Object.keys(schema).find((key) => !KNOWN.has(key))
  if (strange !== undefined) throw new Error(`${path}: ${strange} has no place in a structural schema`)
  const unbounded = bound(schema, path)
  if (unbounded !== undefined) throw new Error(unbounded)
  // The format says it already, and zod's own expression for it is long.
  if (schema['format'] === 'date-time') delete schema['pattern']
  if (schema['pattern'] !== undefined) refusePattern(schema['pattern'], path)
  const properties = schema.properties && {
    properties: Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => {
        if (!property.description) throw new Error(`${path}.${name}: needs a description`)
        return [name, structural(property, `${path}.${name}`)]
      }),
    ),
  }
  const below = (key: 'items' | 'additionalProperties', mark: string) =>
    schema[key] && { [key]: structural(schema[key], `${path}${mark}`) }
  return { ...schema, ...properties, ...below('items', '[]'), ...below('additionalProperties', '[*]') }
}

/** The structural schema of a zod schema. */
export const schemaOf = (schema: z.ZodType, path: string): JsonSchema =>
  structural(
    z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline', cycles: 'throw' }) as JsonSchema,
    path,
  )

const rootOf = (definition: KindDefinition): JsonSchema => ({
  type: 'object',
  description: definition.description,
  required: ['spec'],
  properties: {
    apiVersion: {
      type: 'string',
      description: 'Version of the schema of this object: podmend.io/v1alpha1.',
    },
    kind: { type: 'string', description: `Kind of this object: ${definition.kind}.` },
    metadata: { type: 'object' },
    spec: { ...schemaOf(definition.spec, 'spec'), description: definition.specDescription },
    status: { ...schemaOf(definition.status, 'status'), description: definition.statusDescription },
  },
  ...(definition.rules.length > 0 && { 'x-kubernetes-validations': definition.rules }),
})

/** The CustomResourceDefinition of a kind, as in `crds/`. Throws if the schema is not structural. */
export const crdOf = (definition: KindDefinition) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${definition.plural}.${GROUP}` },
  spec: {
    group: GROUP,
    scope: definition.scope,
    names: {
      kind: definition.kind,
      listKind: `${definition.kind}List`,
      plural: definition.plural,
      singular: definition.kind.toLowerCase(),
      shortNames: definition.shortNames,
      categories: ['podmend'],
    },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          ...definition.columns,
          {
            name: 'Age',
            type: 'date',
            jsonPath: '.metadata.creationTimestamp',
            description: 'Age of the object.',
          },
        ],
        selectableFields: definition.selectable.map((jsonPath) => ({ jsonPath })),
        schema: { openAPIV3Schema: rootOf(definition) },
      },
    ],
  },
})

export type CustomResourceDefinition = ReturnType<typeof crdOf>
