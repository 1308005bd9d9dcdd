import { expect, test } from 'vitest'
import { initialEvents, isInitial, staleUrls } from './stale-lists.ts'

const URL =
  '/api/v1/pods?fieldSelector=a%3Db&watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=300'

test('the list of an older version and the watch that goes on from it keep the selectors', () => {
  expect([isInitial(URL), isInitial('/api/v1/pods?watch=true&resourceVersion=7')]).toEqual([true, false])
  expect(staleUrls(URL, '7')).toEqual({
    list: '/api/v1/pods?fieldSelector=a%3Db&resourceVersion=7&resourceVersionMatch=Exact',
    watch: '/api/v1/pods?fieldSelector=a%3Db&watch=true&timeoutSeconds=300&resourceVersion=7',
  })
})

test('a list begins a watch, and a bookmark ends it', () => {
  const items = [{ metadata: { name: 'a' } }]
  const list = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items }
  const lines = initialEvents(JSON.stringify(list)).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { type: 'ADDED', object: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a' } } },
    {
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } } },
    },
  ])
})
