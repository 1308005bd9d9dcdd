import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { findGo, NoGoError } from './go.ts'

it('names the ways out where there is no Go', () => {
  const find = (): string => findGo(tmpdir(), ['no-such-go', '/no/such/go'])
  expect(find).toThrow(NoGoError)
  expect(find).toThrow(/Go 1\.26 or newer.*has no Go: install Go .* --context NAME/)
})
