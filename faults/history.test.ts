import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CONTROLLER_USER } from '../testbed/controller.ts'
import { createAuditReader } from './history.ts'

const line = (objectRef: object, user = CONTROLLER_USER): string =>
  `${JSON.stringify({
    verb: 'patch',
    requestURI: '/',
    user: { username: user },
    objectRef,
    responseStatus: { code: 200 },
    requestReceivedTimestamp: '2030-01-01T00:00:00.000001Z',
    stageTimestamp: '2030-01-01T00:00:00.000002Z',
  })}\n`

test('the writes of one run are those in its namespaces, and to what is named after it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'audit.log')
  const node = (name: string) => ({ resource: 'nodes', name })
  const pod = (namespace: string) => ({ resource: 'pods', name: 'web', namespace })
  const lines = [pod('run-3'), pod('run-30'), pod('operator-0'), node('run-3-node'), node('run-30-node')]
  writeFileSync(path, [...lines.map((one) => line(one)), line(pod('run-3'), 'somebody')].join(''))
  const writes = createAuditReader(path).writes(['run-3', 'operator-0'], 0)
  expect(writes.map(({ resource, namespace = '', name }) => `${resource} ${namespace}/${name}`)).toEqual([
    'pods run-3/web',
    'pods operator-0/web',
    'nodes /run-3-node',
  ])
})
