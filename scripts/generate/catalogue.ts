/** The catalogue as a document: by area and cause, what each known message means and what to do. */
import type { Row } from '../../src/catalogue/row.ts'
import { ROWS } from '../../src/catalogue/rows.ts'
import { type Area, areaOf, type Cause, CAUSES, CAUSES_BY_AREA } from '../../src/model/causes.ts'

const LONGEST_SAMPLE = 400

const TITLES: Readonly<Record<Area, string>> = {
  image: 'Pulling the image',
  sandbox: 'Creating the sandbox: network, runtime, node',
  volume: 'Mounting volumes',
  container: 'Starting and running the container',
}

const clipped = (text: string): string =>
  text.length > LONGEST_SAMPLE ? `${text.slice(0, LONGEST_SAMPLE).trimEnd()} …` : text

const sampleOf = ({ sample: { reason, message } }: Row): string =>
  clipped(reason === '' ? message : `${reason}: ${message}`)
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n')

const rowText = (row: Row): string =>
  [`**${row.id}**. ${row.explain}`, sampleOf(row), `Source: ${row.source}`].join('\n\n')

const causeText = (cause: Cause): string => {
  const rows = ROWS.filter((row) => row.cause === cause)
  if (rows.length === 0 && areaOf(cause)) throw new Error(`no row of the catalogue has the cause ${cause}`)
  return rows.length === 0 ? '' : [`### ${cause}`, ...rows.map(rowText)].join('\n\n')
}

/** Sections of Markdown; throws where a cause has no row. */
export const catalogueText = (): string =>
  [
    ...Object.entries(CAUSES_BY_AREA).map(([area, causes]) =>
      [`## ${TITLES[area as Area]}`, ...causes.map(causeText)].join('\n\n'),
    ),
    ...CAUSES.filter((cause) => !areaOf(cause)).map(causeText),
  ]
    .filter((text) => text !== '')
    .join('\n\n')
