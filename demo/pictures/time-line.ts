/** From the demo's JSON lines to what a picture shows: lanes of states over time, and moments. Pure. */
import type { Tone } from './card.ts'

/** A line of `npm run demo -- --json`, as far as it is drawn. */
export interface Line {
  readonly seconds: number | null
  readonly who: string
  readonly what: string
  readonly about?: string
  readonly text: string
  readonly reason?: string
  /** That a registry was asked for. */
  readonly image?: string
}

/** A state from one moment until the next of its lane, or the end. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly label: string
  readonly tone: Tone
}

export interface Lane {
  readonly title: string
  readonly spans: readonly Span[]
}

/** Something that happened at one moment. */
export interface Moment {
  readonly at: number
  readonly text: string
}

export interface TimeLine {
  readonly lanes: readonly Lane[]
  readonly moments: readonly Moment[]
  /** Seconds from the first failure. */
  readonly end: number
}

const TONES: Readonly<Record<string, Tone>> = {
  Failed: 'bad',
  ImagePullBackOff: 'bad',
  Observed: 'looking',
  Held: 'waiting',
  AwaitingApproval: 'waiting',
  Running: 'working',
  Verifying: 'working',
  Succeeded: 'good',
}

/** Seconds drawn after the verification, to show that the pod keeps running. */
export const AFTERWARDS = 6

type Timed = Line & { readonly seconds: number }

/** Consecutive lines with the same label are one state: a record may be reported again. */
const spansOf = (lines: readonly Timed[], end: number, says: (line: Timed) => Omit<Span, 'from' | 'to'>): Span[] => {
  const begun = lines
    .map((line) => ({ from: line.seconds, ...says(line) }))
    .filter(({ label }, i, all) => label !== all[i - 1]?.label)
  return begun.map((span, i) => ({ ...span, to: begun[i + 1]?.from ?? end }))
}

const podLane = (lines: readonly Timed[], place: string, end: number): Lane => ({
  title: `pods of ${place}`,
  spans: spansOf(
    lines.filter(({ who, about, what }) => who === 'kubelet' && about === place && what in TONES),
    end,
    // Running is the goal for a pod; for a record it means that a remedy is in progress.
    ({ what }) => ({ label: what === 'Failed' ? 'ErrImagePull' : what, tone: what === 'Running' ? 'good' : 'bad' }),
  ),
})

const recordLane = (lines: readonly Timed[], place: string, end: number): Lane => ({
  title: `record of ${place}`,
  spans: spansOf(
    lines.filter(({ who, about, what }) => who === 'podmend' && about === place && what in TONES),
    end,
    ({ what, reason }) => ({
      label: reason !== undefined && what === 'Held' ? `${what}: ${reason}` : what,
      tone: TONES[what] ?? 'looking',
    }),
  ),
})

export interface Workloads {
  /** `namespace/name` of the workload that is repaired. */
  readonly repaired: string
  /** Its image at the end. */
  readonly becomes: string
  readonly leftAlone: readonly string[]
}

const momentsOf = (lines: readonly Timed[], { repaired, becomes }: Workloads): readonly Moment[] => {
  const first = (text: string, fits: (line: Timed) => boolean): readonly Moment[] => {
    const line = lines.find(fits)
    return line ? [{ at: line.seconds, text }] : []
  }
  const ofRecord = (phase: string) => (line: Timed) =>
    line.who === 'podmend' && line.about === repaired && line.what === phase
  return [
    ...first(
      `the first pull of ${repaired} fails`,
      ({ who, about, what }) => who === 'kubelet' && about === repaired && what === 'Failed',
    ),
    ...first('a Remediation shows the plan', ofRecord('Observed')),
    ...first('the owner sets the policy to Enforce', ({ who, what }) => who === 'you' && what === 'Enforce'),
    ...first(
      'the registry confirms the image under its new path',
      ({ who, what, image }) => who === 'registry' && what === '200' && image === becomes,
    ),
    ...first('the image is written', ofRecord('Verifying')),
    ...first('the pod runs', ({ who, about, what }) => who === 'kubelet' && about === repaired && what === 'Running'),
    ...first('verified: the pod keeps running', ofRecord('Succeeded')),
  ].toSorted((a, b) => a.at - b.at)
}

/** Throws if the lines do not contain the repair: there is nothing to draw. */
export const timeLineOf = (lines: readonly Line[], workloads: Workloads): TimeLine => {
  const timed = lines.filter((line): line is Timed => line.seconds !== null)
  const verified = timed.find(
    ({ who, about, what }) => who === 'podmend' && about === workloads.repaired && what === 'Succeeded',
  )
  if (!verified) throw new Error(`drawing the time line: the lines do not say that ${workloads.repaired} was repaired`)
  const end = verified.seconds + AFTERWARDS
  return {
    lanes: [
      podLane(timed, workloads.repaired, end),
      recordLane(timed, workloads.repaired, end),
      ...workloads.leftAlone.map((place) => recordLane(timed, place, end)),
    ],
    moments: momentsOf(timed, workloads),
    end,
  }
}
