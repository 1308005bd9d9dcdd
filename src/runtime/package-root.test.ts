import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { packageFile } from './package-root.ts'

it('finds a file of the package from wherever the code lies in it', () => {
  expect(JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))).toMatchObject({ name: 'podmend' })
  expect(packageFile('manifests/rbac.yaml').pathname).toMatch(/\/manifests\/rbac\.yaml$/)
})
