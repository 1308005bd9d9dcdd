import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, createReadStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { KUBERNETES_VERSION } from '../control-plane/build.ts'
import { debianTools } from '../machine/debian-tools.ts'

/** What kube-proxy runs besides itself. */
const PROXY_PACKAGES = ['iptables', 'libc6', 'libxtables12', 'libmnl0', 'libnftnl11', 'conntrack', 'kmod']
const IPTABLES = ['iptables', 'iptables-save', 'iptables-restore', 'ip6tables', 'ip6tables-save', 'ip6tables-restore']
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler']

const digestOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

const tar = (folder: string, file: string): void => {
  const owned = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0']
  execFileSync('tar', [...owned, '-C', folder, '-cf', file, '.'])
}

/** The tags that this kubeadm expects, such as `registry.k8s.io/etcd:3.6.8-0`. */
export const imagesOf = (kubeadm: string): readonly string[] =>
  execFileSync(kubeadm, ['config', 'images', 'list', '--kubernetes-version', KUBERNETES_VERSION], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)

const programLayer = (binaries: string, folder: string): void => {
  const bin = join(folder, 'usr/local/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync(join(binaries, 'kubernetes'), join(bin, 'kubernetes'))
  for (const name of PROGRAMS) symlinkSync('kubernetes', join(bin, name))
}

const proxyLayer = async (folder: string): Promise<void> => {
  const { root } = await debianTools('kube-proxy-packages', PROXY_PACKAGES)
  cpSync(root, folder, { recursive: true, verbatimSymlinks: true })
  rmSync(join(folder, 'usr/share'), { recursive: true, force: true })
  // Debian makes these links when the package is installed.
  for (const name of IPTABLES) {
    rmSync(join(folder, 'usr/sbin', name), { force: true })
    symlinkSync('xtables-nft-multi', join(folder, 'usr/sbin', name))
  }
}

interface Layer {
  readonly path: string
  readonly diffId: string
}

/**
 * Writes an archive of all images of a Kubernetes, as `docker save` would: one layer with the one binary, shared by all,
 * one with iptables for kube-proxy, and a pause image of its own.
 */
export const writeImages = async (
  { binaries, idle, images }: { binaries: string; idle: string; images: readonly string[] },
  work: string,
  file: string,
): Promise<void> => {
  const archive = join(work, 'archive')
  mkdirSync(archive)
  const layerOf = async (name: string, fill: (folder: string) => void | Promise<void>): Promise<Layer> => {
    const folder = join(work, name)
    mkdirSync(folder)
    await fill(folder)
    const path = `${name}.tar`
    tar(folder, join(archive, path))
    rmSync(folder, { recursive: true, force: true })
    return { path, diffId: `sha256:${await digestOf(join(archive, path))}` }
  }
  const program = await layerOf('program', (folder) => programLayer(binaries, folder))
  const proxy = await layerOf('proxy', proxyLayer)
  const pause = await layerOf('pause', (folder) => copyFileSync(idle, join(folder, 'pause')))

  const manifest = images.flatMap((image) => {
    const name = /\/(?<name>[^/:]+):/.exec(image)?.groups?.['name'] ?? ''
    if (name === 'coredns') return []
    const layers = name === 'pause' ? [pause] : name === 'kube-proxy' ? [program, proxy] : [program]
    const config = JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: {
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        Entrypoint: [name === 'pause' ? '/pause' : `/usr/local/bin/${name}`],
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    })
    writeFileSync(join(archive, `${name}.json`), config)
    return [{ Config: `${name}.json`, RepoTags: [image], Layers: layers.map(({ path }) => path) }]
  })
  writeFileSync(join(archive, 'manifest.json'), JSON.stringify(manifest))
  execFileSync('tar', ['-C', archive, '-cf', file, '.'])
  rmSync(archive, { recursive: true, force: true })
}
