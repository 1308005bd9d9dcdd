import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { schemaOf } from './crd.ts'
import { customResourceDefinitions } from './kinds.ts'

const field = (schema: z.ZodType) => () => schemaOf(z.object({ field: schema }), 'spec')
const list = { 'x-kubernetes-list-type': 'atomic' }

describe('what is not structural is refused with its path', () => {
  it.each([
    ['a field without description', z.string().max(3), 'spec.field: needs a description'],
    ['a text without bound', z.string().describe('x'), 'spec.field: needs maxLength'],
    ['a list without bound', z.array(z.boolean()).describe('x').meta(list), 'spec.field: needs maxItems'],
    ['a list of no kind', z.array(z.boolean()).max(3).describe('x'), 'spec.field: needs x-kubernetes-list-type'],
    ['a list of unbounded texts', z.array(z.string()).max(3).describe('x').meta(list), 'spec.field[]: needs maxLength'],
    ['a map without bound', z.record(z.string(), z.boolean()).describe('x'), 'spec.field: needs maxProperties'],
    [
      'a number that is not whole',
      z.number().min(0).max(1).describe('x'),
      'spec.field: type "number" is not structural',
    ],
    ['a union', z.union([z.boolean(), z.int()]).describe('x'), 'spec.field: anyOf has no place'],
    ['a nullable field', z.boolean().nullable().describe('x'), 'spec.field: nullable has no place'],
    [
      'a pattern that RE2 lacks',
      z
        .string()
        .max(3)
        .regex(/a(?!b)/)
        .describe('x'),
      'spec.field: pattern is not RE2',
    ],
    ['an unknown type', z.any().describe('x'), 'spec.field: type undefined is not structural'],
  ])('%s', (_, schema, message) => {
    expect(field(schema)).toThrow(message)
  })
})

describe('the CRDs', () => {
  const [policy, remediation] = customResourceDefinitions()

  it('name what everything agrees on', () => {
    expect(policy?.spec).toMatchObject({
      group: 'podmend.io',
      scope: 'Cluster',
      names: { shortNames: ['rempol'], categories: ['podmend'] },
    })
    expect(remediation?.spec).toMatchObject({
      scope: 'Namespaced',
      names: { shortNames: ['rem'], plural: 'remediations' },
    })
  })

  it('hold no additionalProperties beside properties, which the API server does not take', () => {
    expect(JSON.stringify([policy, remediation])).not.toContain('"additionalProperties":false')
  })
})
