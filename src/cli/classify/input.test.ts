import { describe, expect, test } from 'vitest'
import { kubectlOutputAs, messagesInDescription, messagesInJson } from './input.ts'

const DESCRIPTION = `Name:             rss-site
Namespace:        default
Containers:
  rss-site:
    Image:          nickchase/rss-php-ngnix:v1
    State:          Waiting
      Reason:       ImagePullBackOff
    Ready:          False
  eater:
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Message:      it ate too much
      Exit Code:    137
Conditions:
  Type              Status
  Initialized       True
Events:
  Type     Reason       Age                  From               Message
  ----     ------       ----                 ----               -------
  Normal   Scheduled    2m                   default-scheduler  Successfully assigned default/rss-site to n1
  Warning  FailedMount  61s (x8 over 2m5s)   kubelet            MountVolume.SetUp failed for volume "data" : mount failed: exit status 32
Mounting command: mount
Output: mount: unknown filesystem type 'nfs'.
  Warning  Failed       17s (x2 over 31s)    kubelet, node-1    Failed to pull image "nickchase/rss-php-ngnix:v1"
`

test.each([
  ['{', 'Json'],
  ['  {  ', 'Json'],
  ['Name:         web', 'Describe'],
  ['{"reason":"Failed","message":"x"}', undefined],
  ['{}', undefined],
  ['Failed to pull image', undefined],
  ['', undefined],
])('a first line %j is %s', (line, is) => {
  expect(kubectlOutputAs(line)).toBe(is)
})

test('a description tells of its containers and its Events, long messages whole', () => {
  expect(messagesInDescription(DESCRIPTION.split('\n'))).toEqual([
    { reason: 'ImagePullBackOff', message: '' },
    { reason: 'CrashLoopBackOff', message: '' },
    { reason: 'OOMKilled', message: 'it ate too much' },
    { reason: 'Scheduled', message: 'Successfully assigned default/rss-site to n1' },
    {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "data" : mount failed: exit status 32\nMounting command: mount\nOutput: mount: unknown filesystem type \'nfs\'.',
    },
    { reason: 'Failed', message: 'Failed to pull image "nickchase/rss-php-ngnix:v1"' },
  ])
})

describe('JSON', () => {
  test('is a list of events, of either API, or one', () => {
    const items = [{ reason: 'A', message: 'a' }, { reason: 'B', note: 'b' }, { reason: 1 }, null]
    expect(messagesInJson(JSON.stringify({ items }))).toEqual([
      { reason: 'A', message: 'a' },
      { reason: 'B', message: 'b' },
      { reason: '', message: '' },
      { reason: '', message: '' },
    ])
    expect(messagesInJson('{"reason":"A","message":"a"}')).toEqual([{ reason: 'A', message: 'a' }])
    expect(() => messagesInJson('{')).toThrow(SyntaxError)
  })
})
