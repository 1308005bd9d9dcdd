/** The alerts on Prometheus' own tools, and the pages that they lead to. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alertRules, runbookUrl } from '../../scripts/generate/alerts.ts'
import { ALERTS } from '../../scripts/generate/alerts/table.ts'
import { alertUnitTests } from '../../scripts/generate/alerts/unit-tests.ts'
import { GUARDRAILS } from '../../src/decide/guardrails/chain.ts'
import { checkRules, testRules } from '../../testbed/prometheus/promtool.ts'

const RUNBOOKS = join(import.meta.dirname, '../../docs/runbooks')
const HEADINGS = ['What you see', 'What it means', 'What to do', 'How it was decided, and when it is noise']

describe('the rules', () => {
  test('are such that Prometheus loads them', async () => {
    expect(await checkRules(alertRules())).toMatchObject({ ok: true })
  })

  test.each(ALERTS.map((alert) => [alert.name, alert] as const))(
    '%s fires when it should, with the expected text',
    async (_, alert) => {
      const firing = alert.cases.filter(({ fires }) => fires.length > 0)
      expect(firing).not.toEqual([])
      expect(firing).not.toHaveLength(alert.cases.length)
      const { ok, said } = await testRules(alertRules(), alertUnitTests([alert]))
      expect(said).toContain('SUCCESS')
      expect(ok).toBe(true)
    },
  )

  test('have unit tests that can fail', async () => {
    const [down] = ALERTS
    if (!down) throw new Error('there are no alerts')
    const cases = down.cases.map((each) => ({ ...each, fires: each.fires.length > 0 ? [] : [{ labels: {} }] }))
    for (const wrong of cases) {
      const { ok, said } = await testRules(alertRules(), alertUnitTests([{ ...down, cases: [wrong] }]))
      expect(said).toContain(down.name)
      expect(ok).toBe(false)
    }
  })

  test('answer every reason for holding that lasts', () => {
    const names = ALERTS.map(({ name }) => name as string)
    const wanted = GUARDRAILS.map(({ alert }) => alert).filter((alert) => alert !== 'Deliberate' && alert !== 'Passing')
    expect(names).toEqual(expect.arrayContaining(wanted))
  })
})

describe('the runbooks', () => {
  const pages = readdirSync(RUNBOOKS).filter((name) => name !== 'README.md')

  test('are one page for each alert, and none besides', () => {
    expect(pages.toSorted()).toEqual(ALERTS.map(({ name }) => `${name}.md`).toSorted())
    for (const alert of ALERTS) expect(runbookUrl(alert)).toBe(`docs/runbooks/${alert.name}.md`)
  })

  test.each(pages)('%s has the headings of every page, in their order, and something under each', (page) => {
    const [title = '', ...sections] = readFileSync(join(RUNBOOKS, page), 'utf8').split(/^## /m)
    expect(title).toMatch(new RegExp(`^# ${page.replace('.md', '')}\\n`))
    expect(sections.map((section) => section.split('\n')[0])).toEqual(HEADINGS)
    for (const section of sections) expect(section.split('\n').slice(1).join('').trim().length).toBeGreaterThan(40)
  })
})
