import { describe, expect, it } from 'vitest'
import { isBookkeeping, requestsIn, writesIn } from './audit.ts'

const USER = 'system:serviceaccount:podmend-system:podmend-controller'
const ours = { username: USER }
const web = { resource: 'deployments', apiGroup: 'apps', namespace: 'default', name: 'web' }

const LOG = [
  { verb: 'watch', requestURI: '/api/v1/pods?watch=1', user: ours, objectRef: { resource: 'pods' } },
  { verb: 'patch', requestURI: '/w?dryRun=All', user: ours, objectRef: web, responseStatus: { code: 200 } },
  { verb: 'patch', requestURI: '/w', user: ours, objectRef: web, responseStatus: { code: 403 } },
  { verb: 'delete', requestURI: '/w', user: { username: 'anna' }, objectRef: { ...web, name: USER } },
  {
    verb: 'update',
    requestURI: '/r',
    user: ours,
    objectRef: { resource: 'remediations', apiGroup: 'podmend.io', subresource: 'status', namespace: 'a', name: 'b' },
    responseStatus: { code: 200 },
  },
]

describe('the audit log', () => {
  const log = LOG.map((event) => JSON.stringify(event)).join('\n')
  const writes = writesIn(`${log}\n{"verb":"patch","user":{"username":"${USER}`, USER)

  it('gives what one identity wrote, refused and dry runs too, and no half-written line', () => {
    expect(writes).toEqual([
      { verb: 'patch', resource: 'deployments.apps', object: 'default/web', dryRun: true, status: 200 },
      { verb: 'patch', resource: 'deployments.apps', object: 'default/web', dryRun: false, status: 403 },
      { verb: 'update', resource: 'remediations.podmend.io/status', object: 'a/b', dryRun: false, status: 200 },
    ])
  })

  it('counts what one identity asked for, and no watch', () => {
    expect(requestsIn(log, USER)).toEqual({
      'patch deployments.apps 200': 1,
      'patch deployments.apps 403': 1,
      'update remediations.podmend.io/status 200': 1,
    })
  })

  it('tells bookkeeping from writes to what belongs to others', () => {
    expect(writes.map(isBookkeeping)).toEqual([false, false, true])
  })
})
