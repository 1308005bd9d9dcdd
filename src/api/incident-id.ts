import { createHash } from 'node:crypto'
import type { IncidentArea } from './causes.ts'

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** Identity of an owner's incidents in one area, for counting attempts: 16 hex digits. */
export const incidentId = (ownerUid: string, area: IncidentArea): string => digest(ownerUid, area).slice(0, 16)

/** Queue key of an incident; one run a key. */
export const incidentKey = (ownerUid: string, area: IncidentArea): string => `${ownerUid}/${area}`

/** What a queue key is made of. */
export const partsOfKey = (key: string): { readonly ownerUid: string; readonly area: string } => {
  const at = key.indexOf('/')
  return { ownerUid: key.slice(0, at), area: key.slice(at + 1) }
}

/** Deterministic name of the record of one incident: two controllers that see it make the same one. */
export const remediationName = (
  ownerName: string,
  ownerUid: string,
  area: IncidentArea,
  templateHash: string,
): string =>
  `${ownerName.slice(0, 200).replace(/[.-]+$/, '')}-${area.toLowerCase()}-${digest(ownerUid, area, templateHash).slice(0, 8)}`
