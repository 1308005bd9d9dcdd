/** What a Docker daemon changes outside of its folders, so that it can be put back. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'

const FORWARDING = '/proc/sys/net/ipv4/ip_forward'

type Env = Readonly<NodeJS.ProcessEnv>

const iptables = (env: Env, ...args: readonly string[]): string => {
  try {
    return execFileSync('iptables', ['--wait', ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}

const ours = (name: string | undefined): boolean => name?.startsWith('DOCKER') === true

const removeChains = (env: Env, table: string): void => {
  const rules = iptables(env, '-t', table, '-S').split('\n')
  for (const rule of rules) {
    const jump = /^-A (?<from>\S+) .*-j (?<to>\S+)/.exec(rule)?.groups
    if (ours(jump?.['to']) && !ours(jump?.['from'])) iptables(env, '-t', table, ...rule.replace(/^-A/, '-D').split(' '))
  }
  const chains = rules.flatMap((rule) => /^-N (?<name>\S+)/.exec(rule)?.groups?.['name'] ?? []).filter(ours)
  for (const chain of chains) iptables(env, '-t', table, '-F', chain)
  for (const chain of chains) iptables(env, '-t', table, '-X', chain)
}

/** Notes how things are; the function that it gives puts them back. Chains that were there before are left alone. */
export const noteTraces = (env: Env): (() => void) => {
  const forwarding = readFileSync(FORWARDING, 'utf8')
  const filter = iptables(env, '-S')
  const policy = /^-P FORWARD (?<policy>\S+)/m.exec(filter)?.groups?.['policy'] ?? 'ACCEPT'
  const hadChains = /^-N DOCKER/m.test(filter)
  return () => {
    if (hadChains) return
    for (const table of ['filter', 'nat']) removeChains(env, table)
    iptables(env, '-P', 'FORWARD', policy)
    writeFileSync(FORWARDING, forwarding)
  }
}

/** Removes a folder in which a daemon may have left mounts, such as the network namespace of a build. */
export const removeMounted = (folder: string): void => {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const mount of mounts.filter((each) => each.startsWith(`${folder}/`)).toReversed()) {
    execFileSync('umount', ['--lazy', mount], { stdio: 'ignore' })
  }
  rmSync(folder, { recursive: true, force: true })
}
