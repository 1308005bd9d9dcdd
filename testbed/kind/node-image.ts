import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheDirectory } from '../build/cache.ts'
import { withLock } from '../build/lock.ts'
import { type Progress, showProgress } from '../build/progress.ts'
import { KUBERNETES_VERSION, nodeBinaries } from '../control-plane/build.ts'
import { runcWithoutResource } from '../machine/runc.ts'
import { debianMachine } from './debian-machine.ts'
import { idleProgram } from './idle.ts'
import { imagesOf, writeImages } from './kubernetes-images.ts'

const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'containerd',
  'runc',
  'docker.io',
  'containernetworking-plugins',
  'iptables',
  'iproute2',
  'conntrack',
  'ethtool',
  'socat',
  'kmod',
  'mount',
  'util-linux',
  'xfsprogs',
  'procps',
  'jq',
  'curl',
  'ca-certificates',
]
/** A node has no hardware and no logins. */
const MASKED = [
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd-kernel.socket',
  'systemd-udevd-control.socket',
  'systemd-logind.service',
  'systemd-timesyncd.service',
  'systemd-networkd.service',
  'systemd-modules-load.service',
  'systemd-sysctl.service',
  'systemd-remount-fs.service',
  'dev-hugepages.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'getty.target',
  'console-getty.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'motd-news.timer',
]
const FILES = fileURLToPath(new URL('node', import.meta.url))

type Docker = (args: readonly string[]) => Promise<string>

const dockerAt =
  (host: string): Docker =>
  async (args) =>
    (
      await promisify(execFile)('docker', args, {
        env: { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' },
        maxBuffer: 64e6,
      })
    ).stdout.trim()

const present = (docker: Docker, tag: string): Promise<boolean> =>
  docker(['image', 'inspect', tag]).then(
    () => true,
    () => false,
  )

const shortHash = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash('sha256').update(process.arch)
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 12)
}

const importFolder = (folder: string, tag: string, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const tar = spawn('tar', ['-C', folder, '--numeric-owner', '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const docker = spawn('docker', ['import', '-', tag], {
      stdio: [tar.stdout, 'ignore', 'inherit'],
      env: { ...process.env, DOCKER_HOST: host },
    })
    docker.once('error', reject)
    docker.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`docker import ended with ${code}`))))
  })

/** Debian with what a node needs and without what it does not; kept as an image, since it changes rarely. */
const baseImage = async (docker: Docker, host: string, progress: Progress): Promise<string> => {
  const tag = `podmend.local/node-base:${shortHash(PACKAGES.join(), MASKED.join())}`
  if (await present(docker, tag)) return tag
  progress.line('making a Debian for the nodes, once on this machine: a minute or two')
  const root = await debianMachine(PACKAGES, progress)
  try {
    for (const each of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale']) {
      rmSync(join(root, each), { recursive: true, force: true })
    }
    rmSync(join(root, 'etc/machine-id'), { force: true })
    for (const unit of MASKED) {
      rmSync(join(root, 'etc/systemd/system', unit), { force: true })
      symlinkSync('/dev/null', join(root, 'etc/systemd/system', unit))
    }
    rmSync(join(root, 'etc/systemd/system/default.target'), { force: true })
    symlinkSync('/lib/systemd/system/multi-user.target', join(root, 'etc/systemd/system/default.target'))
    mkdirSync(join(root, 'opt/cni'), { recursive: true })
    cpSync(join(root, 'usr/lib/cni'), join(root, 'opt/cni/bin'), { recursive: true })
    await importFolder(root, tag, host)
    return tag
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const DOCKERFILE = `COPY root /
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint"]
`

/** Fills the folder with what is laid over Debian. */
const fillRoot = async (work: string, binaries: string): Promise<void> => {
  const root = join(work, 'root')
  const at = (path: string): string => {
    const file = join(root, path)
    mkdirSync(join(file, '..'), { recursive: true })
    return file
  }
  const images = imagesOf(join(binaries, 'kubeadm'))
  const pauseTag = images.find((image) => image.includes('/pause:'))?.split(':')[1] ?? ''
  copyFileSync(join(binaries, 'kubernetes'), at('usr/bin/kubelet'))
  for (const name of ['kubeadm', 'kubectl']) symlinkSync('kubelet', at(`usr/bin/${name}`))
  copyFileSync(await runcWithoutResource(), at('usr/local/bin/runc-without-resource'))
  copyFileSync(join(FILES, 'entrypoint'), at('usr/local/bin/entrypoint'))
  chmodSync(at('usr/local/bin/entrypoint'), 0o755)
  for (const plugin of ['docker-chain', 'one-sandbox']) {
    copyFileSync(join(FILES, plugin), at(`opt/cni/bin/${plugin}`))
    chmodSync(at(`opt/cni/bin/${plugin}`), 0o755)
  }
  copyFileSync(join(FILES, 'docker.json'), at('etc/docker/daemon.json'))
  const containerd = readFileSync(join(FILES, 'containerd.toml'), 'utf8').replace('PAUSE_TAG', pauseTag)
  writeFileSync(at('etc/containerd/config.toml'), containerd)
  for (const unit of ['kubelet.service', 'images.service']) {
    copyFileSync(join(FILES, unit), at(`etc/systemd/system/${unit}`))
    symlinkSync(`../${unit}`, at(`etc/systemd/system/multi-user.target.wants/${unit}`))
  }
  writeFileSync(at('kind/version'), KUBERNETES_VERSION)
  await writeImages({ binaries, idle: await idleProgram(), images }, work, at('kind/images.tar'))
}

const ownImage = async (host: string): Promise<string> => {
  const docker = dockerAt(host)
  const binaries = await nodeBinaries()
  const sources = [
    ...readdirSync(FILES).map((name) => readFileSync(join(FILES, name))),
    ...['node-image.ts', 'kubernetes-images.ts'].map((name) =>
      readFileSync(fileURLToPath(new URL(name, import.meta.url))),
    ),
  ]
  const parts = [binaries, await idleProgram(), await runcWithoutResource(), ...sources]
  const tag = `podmend.local/node:${KUBERNETES_VERSION}-${shortHash(...parts)}`
  if (await present(docker, tag)) return tag
  const progress = showProgress('node image')
  try {
    return await withLock(
      join(cacheDirectory(), 'node-image.lock'),
      () => progress.update('another process is building it; waiting'),
      async () => {
        if (await present(docker, tag)) return tag
        const base = await baseImage(docker, host, progress)
        progress.line('putting Kubernetes onto it')
        const work = mkdtempSync(join(cacheDirectory(), 'node-image-unfinished-'))
        try {
          await fillRoot(work, binaries)
          writeFileSync(join(work, 'Dockerfile'), `FROM ${base}\n${DOCKERFILE}`)
          progress.update('docker build')
          await docker(['build', '--tag', tag, work])
        } finally {
          rmSync(work, { recursive: true, force: true })
        }
        progress.line(`built: ${tag}`)
        return tag
      },
    )
  } finally {
    progress.end()
  }
}

const PROBE_MS = 3_000

const hubAnswers = (): Promise<boolean> =>
  fetch('https://registry-1.docker.io/v2/', { signal: AbortSignal.timeout(PROBE_MS) }).then(
    ({ headers }) => headers.has('docker-distribution-api-version'),
    () => false,
  )

/** How the nodes of a cluster are made. */
export interface NodeImage {
  /** Absent: kind's own default, which can be pulled here. */
  readonly image?: string
  /** Whether it was built here, and so has no network plugin that kind would install. */
  readonly own: boolean
}

/** kind's own node image where Docker Hub answers, else one built of this machine's Debian and Go modules. */
export const nodeImage = async (host: string): Promise<NodeImage> => {
  if (await hubAnswers()) return { own: false }
  return { image: await ownImage(host), own: true }
}
