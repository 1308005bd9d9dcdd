import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { declaredGrants, joinRules, rolesOf } from './rbac.ts'

const rule = (resources: readonly string[], verbs: readonly string[], why = 'to observe', apiGroups = ['']) => ({
  apiGroups,
  resources,
  verbs,
  why,
})

describe('rights that are declared in several places', () => {
  it('are joined by resource, with the verbs and the reasons of all', () => {
    expect(joinRules([rule(['pods'], ['get']), rule(['pods'], ['get', 'delete'], 'to recycle')])).toEqual([
      {
        apiGroups: [''],
        resources: ['pods'],
        resourceNames: [],
        verbs: ['get', 'delete'],
        why: ['to observe', 'to recycle'],
      },
    ])
  })

  it('never give the verbs of one resource to another', () => {
    const joined = joinRules([rule(['pods', 'nodes'], ['get']), rule(['pods'], ['delete'])])
    expect(joined.map(({ resources, verbs }) => [resources, verbs])).toEqual([
      [['pods'], ['get', 'delete']],
      [['nodes'], ['get']],
    ])
  })

  it('never widen what is confined to names', () => {
    const named = { ...rule(['configmaps'], ['update']), resourceNames: ['one'] }
    expect(joinRules([named, rule(['configmaps'], ['get'])])).toHaveLength(2)
  })

  it('become one role an action', () => {
    const roles = rolesOf([
      { action: 'RecyclePod', rules: [rule(['pods'], ['delete'])] },
      { action: 'observe', rules: [rule(['pods'], ['get'])] },
      { action: 'read-pull-secrets', rules: [rule(['secrets'], ['get'])] },
    ])
    expect(roles.map(({ name }) => name)).toEqual([
      'podmend-observe',
      'podmend-read-pull-secrets',
      'podmend-recycle-pod',
    ])
  })
})

describe('a declaration', () => {
  const declared = async (constant: string) => {
    const root = await mkdtemp(join(tmpdir(), 'podmend-rbac-'))
    onTestFinished(() => rm(root, { recursive: true }))
    await mkdir(join(root, 'src/act'), { recursive: true })
    await writeFile(join(root, 'src/act/thing.ts'), `export const RBAC = ${constant}\n`)
    await writeFile(join(root, 'src/act/thing.test.ts'), `export const RBAC = 'not this one'\n`)
    return declaredGrants(root)
  }
  const grant = (verbs: string, why = 'x') =>
    `{ action: 'observe', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ${verbs}, why: '${why}' }] }`

  it('is found beside the code, alone or in a list', async () => {
    expect(await declared(grant("['get']"))).toHaveLength(1)
    expect(await declared(`[${grant("['get']")}, ${grant("['list']")}]`)).toHaveLength(2)
  })

  it.each([
    ["['*']", 'x', 'src/act/thing.ts: observe: a right must not contain *'],
    ['[]', 'x', 'a right must name groups, resources and verbs'],
    ["['get']", '', 'a right must say why'],
  ])('of verbs %s and reason "%s" is refused', async (verbs, why, message) => {
    await expect(declared(grant(verbs, why))).rejects.toThrow(message)
  })
})

describe('what is declared now', () => {
  it('lets observing roles write only our own objects and Events', async () => {
    const roles = rolesOf(await declaredGrants(join(import.meta.dirname, '../..')))
    const looking = roles.find(({ action }) => action === 'observe')
    const writing = looking?.lines.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
    const written = writing?.flatMap(({ apiGroups, resources }) =>
      apiGroups[0] === 'podmend.io' ? [] : resources.map((name) => `${apiGroups[0]}/${name}`),
    )
    expect(written).toEqual(['/events'])
    expect(looking?.lines.flatMap(({ resources }) => resources)).not.toContain('secrets')
  })
})
