import { describe, expect, it } from 'vitest'
import {
  alreadyExists,
  conflict,
  forbidden,
  gone,
  intentOf,
  invalid,
  KubeError,
  notFound,
  Retry,
  Terminal,
} from './errors.ts'
import type { Intent } from '../runtime/workqueue.ts'
import { errorOfResponse } from './status.ts'

const kube = (status: number, reason = '', retryAfterMs?: number) =>
  new KubeError('x', { status, reason, verb: 'patch', path: '/api/v1/pods', retryAfterMs })

describe('errors', () => {
  it.each<[string, unknown, Intent]>([
    ['a contradiction', new Terminal('x'), { kind: 'Terminal' }],
    ['a contradiction within another error', new Error('y', { cause: new Terminal('x') }), { kind: 'Terminal' }],
    ['an explicit retry around a terminal error', new Retry('x', { cause: new Terminal('y') }), { kind: 'Retry' }],
    ['a missing right, which a server that just started reports too', kube(403, 'Forbidden'), { kind: 'Retry' }],
    ['a busy API server', kube(429, 'TooManyRequests', 3_000), { kind: 'Retry', atLeastMs: 3_000 }],
    ['a bad request', kube(400, 'BadRequest'), { kind: 'Terminal' }],
    ['a changed object', kube(409, 'Conflict'), { kind: 'Retry' }],
    ['a guard that did not hold', kube(422, 'Invalid'), { kind: 'Retry' }],
    ['no answer', kube(0, 'Timeout'), { kind: 'Retry' }],
    ['anything else', 'thrown text', { kind: 'Retry' }],
  ])('%s asks for what it should', (_name, error, intent) => {
    expect(intentOf(error)).toEqual(intent)
  })

  it.each<[KubeError, readonly ((error: unknown) => boolean)[]]>([
    [kube(404, 'NotFound'), [notFound]],
    [kube(409, 'Conflict'), [conflict]],
    [kube(409, 'AlreadyExists'), [alreadyExists]],
    [kube(403, 'Forbidden'), [forbidden]],
    [kube(410, 'Gone'), [gone]],
    [kube(410, 'Expired'), [gone]],
    [kube(422, 'Invalid'), [invalid]],
    [kube(500, 'InternalError'), []],
  ])('are told apart: %o', (error, expected) => {
    const wrapped = new Error('patching web', { cause: error })
    const all = [notFound, conflict, alreadyExists, forbidden, gone, invalid]
    expect(all.filter((predicate) => predicate(wrapped))).toEqual(expected)
  })

  it('say which right is missing', () => {
    const message =
      'deployments.apps "web" is forbidden: User "system:serviceaccount:ops:podmend" cannot patch resource "deployments" in API group "apps" in the namespace "shop"'
    const body = JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message })
    const at = { verb: 'patch', path: '/apis/apps/v1/namespaces/shop/deployments/web' } as const
    expect(errorOfResponse({ status: 403, body }, at).message).toBe(
      'not allowed to patch deployments.apps in namespace shop: system:serviceaccount:ops:podmend needs the verb "patch" on resource "deployments" of API group "apps"',
    )
  })

  it('leave the words of admission as they are', () => {
    const body = JSON.stringify({
      kind: 'Status',
      reason: 'Forbidden',
      message: 'pods "x" is forbidden: exceeded quota: q',
    })
    const error = errorOfResponse({ status: 403, body }, { verb: 'create', path: '/api/v1/namespaces/shop/pods' })
    expect(error.message).toContain('exceeded quota: q')
  })

  it('quote an answer that is no Status, shortened', () => {
    const error = errorOfResponse(
      { status: 502, body: `<html>${'x'.repeat(5_000)}` },
      { verb: 'get', path: '/version' },
    )
    expect(error.message).toContain('HTTP 502 <html>')
    expect(error.message.length).toBeLessThan(300)
  })

  const busy = (headers: Record<string, string>, details = {}) =>
    errorOfResponse(
      { status: 429, body: JSON.stringify({ kind: 'Status', code: 429, message: 'busy', details }), headers },
      { verb: 'get', path: '/version' },
    )

  it.each<[string, KubeError, number, number]>([
    ['0 s', busy({ 'retry-after': '0' }), 500, 625],
    ['a date that is over', busy({ 'retry-after': 'Tue, 01 Jan 2020 00:00:05 GMT' }), 500, 625],
    ['-1 s in its body', busy({}, { retryAfterSeconds: -1 }), 500, 625],
    ['3 s', busy({ 'retry-after': '3' }), 3_000, 3_750],
    ['3 s in its body', busy({}, { retryAfterSeconds: 3 }), 3_000, 3_750],
    ['an hour', busy({ 'retry-after': '3600' }), 60_000, 75_000],
    ['an hour in its body', busy({}, { retryAfterSeconds: 3_600 }), 60_000, 75_000],
    ['a date a year away', busy({ 'retry-after': new Date(Date.now() + 3e10).toUTCString() }), 60_000, 75_000],
  ])('bound the wait of a server that asks for %s', (_, error, minMs, maxMs) => {
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(minMs)
    expect(error.retryAfterMs).toBeLessThanOrEqual(maxMs)
  })

  it('say that a wait is shorter than what was asked for', () => {
    expect(busy({ 'retry-after': '3600' }).message).toBe(
      'get /version: busy (asks for a wait of 3600 s; waiting about 60 s)',
    )
    expect(busy({ 'retry-after': '3' }).message).toBe('get /version: busy')
  })

  it.each([{ retryAfterSeconds: 'soon' }, { retryAfterSeconds: null }])('ignore a wait that is none: %j', (details) => {
    expect(busy({}, details).retryAfterMs).toBeUndefined()
  })
})
