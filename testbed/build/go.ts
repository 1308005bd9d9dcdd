import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const OLDEST = { major: 1, minor: 26 }
/** Where Go's own installers put it, for shells whose PATH does not say so. */
const USUAL_PLACES = ['go', '/usr/local/go/bin/go', '/opt/homebrew/bin/go', '/usr/lib/go/bin/go']

/** No fitting Go on this machine; the message names the ways out. */
export class NoGoError extends Error {
  override readonly name = 'NoGoError'
}

/**
 * The `go` command to use. Asked in the module's own folder, where a Go that can fetch a newer toolchain answers with
 * that toolchain's version. Throws `NoGoError`.
 */
export const findGo = (directory: string, places: readonly string[] = USUAL_PLACES): string => {
  let found = 'no Go'
  for (const place of places) {
    if (place.startsWith('/') && !existsSync(place)) continue
    const { status, stdout } = spawnSync(place, ['version'], { cwd: directory, encoding: 'utf8' })
    const version = status === 0 ? /go(?<major>\d+)\.(?<minor>\d+)/.exec(stdout)?.groups : undefined
    if (!version) continue
    const [major, minor] = [Number(version['major']), Number(version['minor'])]
    if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return place
    found = `only Go ${major}.${minor}`
  }
  throw new NoGoError(
    `The control plane is built with Go ${OLDEST.major}.${OLDEST.minor} or newer, and this machine has ${found}: ` +
      'install Go (https://go.dev/dl), or use a cluster that you have with --context NAME (from KUBECONFIG).',
  )
}
