import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))

interface Line {
  readonly time: string
  readonly seconds: number | null
  readonly who: string
  readonly what: string
  readonly about?: string
  readonly text: string
  readonly [more: string]: unknown
}

const temporary = mkdtempSync(join(tmpdir(), 'demo-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** Plays the demo with a temporary directory of its own; `onLine` may end it early. */
const play = async (onLine?: (line: Line, end: (signal: NodeJS.Signals) => void) => void) => {
  const child = spawn(process.execPath, [SCRIPT, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary },
  })
  const lines: Line[] = []
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as Line
    lines.push(line)
    onLine?.(line, (signal) => child.kill(signal))
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, lines, left: readdirSync(temporary) }
}

describe('npm run demo -- --json', () => {
  it('repairs and verifies the incident at both registries, explains the other, leaves the look-alikes alone, and nothing behind', async () => {
    const { status, lines, left } = await play()
    const seen = lines.map(({ who, what, text }) => `${who} ${what} ${text}`).join('\n')
    expect(lines.at(-1), seen).toMatchObject({
      what: 'Result',
      ok: true,
      repaired: ['kube-system/coredns', 'default/dashboard'],
      leftAlone: [
        { place: 'default/reports', reason: 'ObserveOnly' },
        { place: 'default/guestbook', reason: 'ManagedElsewhere' },
        {
          place: 'default/rss-site',
          reason: 'ObserveOnly',
          explained: { kind: 'LikelyTypo', image: 'docker.io/nickchase/rss-php-nginx:v1' },
        },
        { place: 'default/intranet', reason: 'ObserveOnly', explained: { kind: 'MissingCredentials' } },
      ],
    })
    expect(lines.at(-1)?.['diff']).toContain('+ image: harbor.od.com/public/coredns:1.6.1')
    expect(status).toBe(0)
    expect(left).toEqual([])

    const story = lines.filter(({ about = 'kube-system/coredns' }) => about === 'kube-system/coredns')
    // A kubelet's words and the controller's come by watches of their own, so that either may be heard first.
    const task = story.map(({ who, what }) => `${who} ${what}`)
    const chapters = [
      'demo Controller',
      'you Apply',
      'podmend Observed',
      'you Enforce',
      'podmend Verifying',
      'kubelet Running',
      'podmend Succeeded',
    ]
    expect(task.filter((each) => chapters.includes(each))).toEqual(chapters)
    expect(task.indexOf('kubelet Failed')).toBeLessThan(task.indexOf('you Enforce'))
    expect(story.find(({ what }) => what === 'Failed')?.text).toMatch(
      /harbor\.od\.com\/k8s\/coredns.*401 Unauthorized$/,
    )
    const touched = lines.filter(({ who, what }) => who === 'podmend' && ['Running', 'Verifying'].includes(what))
    expect(new Set(touched.map(({ about }) => about))).toEqual(new Set(['kube-system/coredns', 'default/dashboard']))
  }, 240_000)

  it('leaves nothing behind for long when it is killed', async () => {
    await play(({ what }, end) => {
      if (what === 'Controller') end('SIGKILL')
    })
    // What it started notices that it is gone, and removes its own.
    await vi.waitUntil(() => readdirSync(temporary).length === 0, { timeout: 60_000, interval: 100 })
  }, 180_000)

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends on %s, and leaves nothing behind',
    async (signal) => {
      const { status, left } = await play(({ what }, end) => {
        if (what === 'Controller') end(signal)
      })
      expect(status).toBe(signal === 'SIGINT' ? 130 : 143)
      expect(left).toEqual([])
    },
    120_000,
  )
})
