import type { NodeInspection } from '../../api/node-task.ts'
import { FIREWALL_UNITS } from '../../model/firewall.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { AgentConfig } from '../config.ts'
import { socketStateOf } from '../cri/client.ts'
import type { Cri, Systemd, UnitState } from '../host/host.ts'
import { inspectChains } from './chains.ts'
import { type DockerCommands, inspectMounts, inspectOs, readDockerSettings, withDockerUnit } from './host-files.ts'
import { inTime, notAllowed, oneAtATime, probe, readSmall, reasonOf } from './probe.ts'

export interface InspectDeps {
  readonly config: Pick<AgentConfig, 'osRelease' | 'hostSbin' | 'dockerConfig' | 'chains'>
  /** Absent where it may not be talked to. */
  readonly systemd?: Systemd
  readonly cri?: Cri
  readonly clock: Clock
}

const UNITS = [...Object.values(RUNTIME_UNITS), 'kubelet.service', ...FIREWALL_UNITS]

/** A runtime that takes longer does not answer. */
const CRI_TIMEOUT_MS = 5_000
/** One hanging part must not affect the others: the controller waits ten seconds. */
const PART_MS = 7_000

export const readBootId = async (): Promise<string | undefined> =>
  (await readSmall('/proc/sys/kernel/random/boot_id').catch(() => '')).trim() || undefined

const inspectUnits = async (systemd: Systemd | undefined): Promise<NodeInspection['units']> => {
  if (!systemd) return notAllowed('the units', '--system-bus')
  return probe('asking systemd', async () => {
    const list: UnitState[] = []
    for (const name of UNITS) list.push(await systemd.unit(name))
    return { list }
  })
}

/** As much of a word from outside as the answer has room for. */
const clip = (text: string): string => text.slice(0, 64)

const inspectRuntime = async (cri: Cri | undefined): Promise<NodeInspection['runtime']> => {
  if (!cri) return notAllowed('the runtime', '--cri-socket')
  try {
    const { name, version, tookMs } = await cri.version(CRI_TIMEOUT_MS)
    return { known: true, name: clip(name), version: clip(version), answers: true, tookMs: Math.round(tookMs) }
  } catch (error) {
    const why = reasonOf(error)
    // A socket that is there and silent is an answer. One that is not there, or a word of refusal, says that the agent looks
    // in the wrong place, or asks what this runtime has no answer to: nothing is known of it then.
    return socketStateOf(error) === 'silent' ? { known: true, answers: false, why } : { known: false, why }
  }
}

/** Command lines of Docker's processes, of which no more is reported than what they say of chains. */
const dockerCommands = async (systemd: Systemd | undefined): Promise<DockerCommands> =>
  systemd === undefined
    ? notAllowed("Docker's flags", '--system-bus')
    : probe("reading Docker's flags", async () => ({ list: await systemd.commands(RUNTIME_UNITS.docker) }))

/** Docker alone: what a restart of it depends on. Never rejects. */
export const inspectDocker = async ({ config, systemd }: Pick<InspectDeps, 'config' | 'systemd'>) => {
  const [settings, unit, commands] = await Promise.all([
    readDockerSettings(config.dockerConfig),
    systemd?.unit(RUNTIME_UNITS.docker).catch(() => undefined),
    dockerCommands(systemd),
  ])
  return withDockerUnit(settings, { load: unit?.load, commands })
}

/** All that can be seen of the node; each part is unknown by itself. Never rejects. */
export const createInspect = ({ config, systemd, cri, clock }: InspectDeps): (() => Promise<NodeInspection>) => {
  const osOnce = oneAtATime(() => inspectOs(config.osRelease))
  const mountsOnce = oneAtATime(() => inspectMounts(config.hostSbin))
  const dockerOnce = oneAtATime(() => readDockerSettings(config.dockerConfig))
  const part = <Part>(look: Promise<Part>) => inTime(clock, PART_MS, look)

  return async () => {
    const [bootId, os, runtime, units, chains, mounts, docker, commands] = await Promise.all([
      readBootId(),
      part(osOnce()),
      part(inspectRuntime(cri)),
      part(inspectUnits(systemd)),
      part(inspectChains(config.chains)),
      part(mountsOnce()),
      part(dockerOnce()),
      part(dockerCommands(systemd)),
    ])
    const { list = [] }: NodeInspection['units'] = units
    const unit = list.find(({ name }) => name === RUNTIME_UNITS.docker)
    return {
      at: new Date(clock.now()).toISOString(),
      ...(bootId !== undefined && { bootId }),
      os,
      runtime,
      units,
      chains,
      mounts,
      docker: withDockerUnit(docker, { load: unit?.load, commands }),
    }
  }
}
